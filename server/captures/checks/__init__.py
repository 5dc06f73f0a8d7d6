"""Checks after the seal: opinions about a capture's bytes, each PASSED, FAILED or NOT_CHECKED with its reason."""
