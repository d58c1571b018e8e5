"""From log entries to groups of like problems with their stack traces."""
