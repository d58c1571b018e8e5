"""Incidents in a system of many services: is it one, which service is at fault, and what kind of fault is it."""
