"""A sandbox of the outgoing webhook's receiver on loopback."""
