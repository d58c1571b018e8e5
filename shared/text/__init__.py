"""Text itself: what a reader sees of it."""
