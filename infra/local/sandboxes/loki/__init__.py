"""A sandbox of the loki API on loopback."""
