"""Incidents to play on one laptop: scenarios that run for real, and recorded cases."""
