"""The house on one laptop: the same bundles, the same workflow, sandboxes in place of the outside world."""
