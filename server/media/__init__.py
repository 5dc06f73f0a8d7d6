"""Pictures: decoding within caps, hashes, exact search, geometric verification, clusters. Pure: bytes in, values out."""
