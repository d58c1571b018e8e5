"""An agent: asks a model within a budget, with tools, and checks its answers against the evidence."""
