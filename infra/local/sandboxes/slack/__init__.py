"""A sandbox of Slack on loopback: incoming webhooks, and the Web API for messages."""
