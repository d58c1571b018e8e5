"""One step of the workflow as an HTTP function: contract in, work, contract out; with a trace and one log line."""
