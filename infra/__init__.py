"""Where Incident CoPilot runs: bundles and schemas, Google Cloud, and the same functions on one laptop."""
