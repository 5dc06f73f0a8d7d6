"""The log: queued leaves, tiles, checkpoints, cosignatures and timestamps."""
