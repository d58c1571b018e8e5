"""Questions to a series: when it changed, when it stopped, what is unusual in it."""
