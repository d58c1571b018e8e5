"""The services of Google Cloud that carry an incident: Pub/Sub, Cloud Workflows, and the deadline they share."""
