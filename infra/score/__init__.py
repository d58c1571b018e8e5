"""Measure the analyst on known incidents, beside naive baselines."""
