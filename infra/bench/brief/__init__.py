"""Measure the time, calls and cost from an alert to its brief, beside a reference: `make bench ONLY=brief`."""
