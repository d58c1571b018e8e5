"""A sandbox of the hook API on loopback."""
