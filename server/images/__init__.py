"""Pictures of captures: read once, indexed, compared, grouped; found again by picture. The engine itself is server/media."""
