"""A sandbox of the GitHub API on loopback."""
