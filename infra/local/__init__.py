"""Incident CoPilot on one laptop: the same bundles, the same workflow, sandboxes instead of external services."""
