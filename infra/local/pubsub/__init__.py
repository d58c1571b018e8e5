"""Pub/Sub on loopback, where Google's emulator is not installed."""
