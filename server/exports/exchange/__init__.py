"""Vocabularies other programs read: STIX 2.1 with DISARM, MISP, ClaimReview."""
