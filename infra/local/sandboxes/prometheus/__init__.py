"""A sandbox of the prometheus API on loopback."""
