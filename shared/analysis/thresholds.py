"""The few numbers that two packages of the analyst share, each with where it comes from."""

from datetime import timedelta

WORTH_FOLLOWING = 0.35
"""Score from which a suspect commit is worth a reader's time. Chosen before the first measurement, on no case."""
ALTERNATIVE = 0.2
"""Score from which another suspect commit is a second candidate: the culprit in one of five. Chosen on no case."""
CHANGE_PERIOD = timedelta(minutes=30)
"""What changed so long before the onset may have brought it. Chosen before the first measurement, on no case."""
