"""Mitigations, and the patch: the exact revert of one commit."""
