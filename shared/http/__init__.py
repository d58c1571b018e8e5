"""What every client of another service has in common: what a reply means, what was sent, and when to try again."""
