"""Measure load: what one incident uses, what intake accepts, how long many incidents at once take."""
