"""What an operator asks and does at night, of the running stack or of a project: one incident, a day's cost, a stop."""
