"""What to do now, and where to look next."""
