"""The story of the field in generated data: no person, party or outlet of it exists."""
