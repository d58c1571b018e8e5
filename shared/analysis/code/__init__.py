"""Where in the code the fault is, and which commits may have caused it."""
