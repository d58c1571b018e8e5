"""Replays steps of an incident from what its trace recorded, and shows what differs; nothing is sent or stored."""
