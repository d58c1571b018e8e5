"""Faults planted into the running stack, and the account of what became of each alert: `make chaos`, `make soak`."""
