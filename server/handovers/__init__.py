"""Handing over: pages for recipients, masked working copies, records of submission."""
