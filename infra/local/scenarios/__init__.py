"""Incidents for the local stack: scenarios that run a real service, and recorded cases."""
