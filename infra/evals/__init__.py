"""Measures how well the agents reason: incidents with a known truth in, a score out."""
