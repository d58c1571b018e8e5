"""A sandbox of the webhook of a Microsoft Teams workflow on loopback."""
