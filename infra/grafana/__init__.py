"""Make Grafana and Alertmanager send their alerts here."""
