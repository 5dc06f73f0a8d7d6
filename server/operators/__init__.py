"""Who acts: organisations, operators, pairing codes, devices, sessions."""
