"""Fake services on loopback: each speaks the wire format of the real one and records the requests it receives."""
