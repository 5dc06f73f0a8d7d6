"""Tables of confirmed findings: pure, no database and no clock."""
