"""Rules as data: silence windows, legal bases, types of findings, channels, techniques. Pure: no clock, no database, no
network."""
