"""Sightings and archives made elsewhere: tables of rows, WARC, WACZ and pictures, taken into a case and marked as such."""
