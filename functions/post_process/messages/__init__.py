"""The messages beside the brief: before it, after it, about held alerts, and the answer to a test alert."""
