"""A local stack that lives: it says what happens, restarts what dies, and its service goes on having traffic."""
