"""A sandbox of Grafana on loopback."""
