"""Where the code lives: reading it, and writing branches and pull requests."""
