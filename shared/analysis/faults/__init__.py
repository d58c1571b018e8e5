"""Which known kind of fault a text speaks of."""
