"""Measures how well the agents reason: incidents with a known cause go in, a score comes out."""
