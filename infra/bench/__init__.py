"""Measure what each function takes (size, start, memory), and what an alert takes to its brief."""
