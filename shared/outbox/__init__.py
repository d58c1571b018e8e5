"""How humans are told: mail, hook, archive."""
