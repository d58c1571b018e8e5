"""Which known kind of fault a text describes."""
