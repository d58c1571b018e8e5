"""The expressions of the Workflows language: their text as tokens, as a tree, and how to traverse it."""
