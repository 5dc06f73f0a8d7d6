"""What a picture file says about its own origin: signals, never a verdict."""
