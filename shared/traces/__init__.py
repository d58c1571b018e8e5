"""The memory of the house: incidents, runs, leases."""
