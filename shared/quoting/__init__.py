"""Text of others in what we write: a literal in a query, inert words in a message."""
