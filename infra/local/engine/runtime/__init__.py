"""Running a checked workflow: scopes, steps, retries, branches, and the history they leave."""
