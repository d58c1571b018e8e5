"""A sandbox of the github API on loopback."""
