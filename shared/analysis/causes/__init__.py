"""Hypotheses of the cause, ranked, each with its evidence."""
