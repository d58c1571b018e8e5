"""Run a checked workflow: scopes, steps, retries, branches and history."""
