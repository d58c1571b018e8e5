"""Impostors on loopback: each speaks the wire format of the service it stands for, and keeps what it was asked."""
