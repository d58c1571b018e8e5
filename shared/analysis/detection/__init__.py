"""What the telemetry shows, and whether that needs a response."""
