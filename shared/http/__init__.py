"""What every client of another service has in common: what a reply means, what was sent, when and how often to ask."""
