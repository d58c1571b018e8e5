"""Text of others: as a reader sees it, as a literal in a query, and harmless wherever it is read."""
