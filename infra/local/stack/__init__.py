"""The processes of the local stack: functions, sandboxes, engine, emulators, scheduler."""
