"""The commands behind make: the demo, the stack that stays up, alerts, traces, executions, dead letters."""
