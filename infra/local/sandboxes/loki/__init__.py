"""A sandbox of the Loki API on loopback."""
