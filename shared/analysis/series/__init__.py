"""When a series changed, when it stopped, and what is unusual in it."""
