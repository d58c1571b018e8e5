"""A sandbox of the Prometheus API on loopback."""
