"""From log entries to groups of similar problems with their stack traces."""
