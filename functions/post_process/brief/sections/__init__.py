"""The sections of the brief, each made from the answers of the agents."""
