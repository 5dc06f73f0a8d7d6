"""Ways in and sessions: passkeys, the issuer, pauses, where one is signed in."""
