"""A sandbox of the gmail API on loopback."""
