"""The room of telemetry: logs and metrics. `connect_logs()` and `connect_metrics()` choose the provider."""
