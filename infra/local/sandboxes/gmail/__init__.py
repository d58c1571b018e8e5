"""A sandbox of the Gmail API on loopback."""
