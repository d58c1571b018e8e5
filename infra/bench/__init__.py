"""Measure what each function takes: size and start, memory."""
