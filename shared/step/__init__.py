"""One step of the workflow as an HTTP function: contract in, work, contract out, trace, one log line."""
