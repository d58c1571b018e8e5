"""A sandbox of PagerDuty on loopback: Events API v2, and who is on call."""
