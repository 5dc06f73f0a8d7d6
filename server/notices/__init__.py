"""Notices to platforms and authorities, their attempts, answers and outcomes, and the re-checks that are due."""
