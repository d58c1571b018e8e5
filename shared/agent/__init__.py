"""An agent: a model asked within a budget, with tools, whose answers are checked against the evidence."""
