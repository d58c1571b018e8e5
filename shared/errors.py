"""The errors of Incident CoPilot. The class says who must act; its status makes Workflows act.

    IncidentCopilotError
    ├── Rejected       400  the request breaks its contract: fix the caller
    ├── Refused        424  a service said no and will again (401, 403, 404): the operator
    ├── Throttled      429  too fast: wait (`retry_after_s`)
    ├── Misconfigured  500  a setting is missing or wrong: the operator
    ├── Unforeseen     500  a bug: us
    ├── BadAnswer      502  the model's reply never met its contract
    ├── Unavailable    503  no service, and nothing happened
    └── Uncertain      504  sent, no reply: it may have happened

`http.default_retry` of Workflows repeats 429, 502, 503 and 504; `http.default_retry_non_idempotent` 429 and 503.
Source: https://cloud.google.com/workflows/docs/reference/stdlib/http/default_retry
Any other exception is a bug; a step answers it as Unforeseen.
"""

from typing import ClassVar


class IncidentCopilotError(Exception):
    """Base of every expected error; the message is one sentence for an operator."""

    status: ClassVar[int] = 500


class Rejected(IncidentCopilotError):
    """The request breaks its contract; the message names the field and the fix."""

    status = 400


class Refused(IncidentCopilotError):
    """A service answered no and will again."""

    status = 424


class Throttled(IncidentCopilotError):
    """A service asks the caller to wait; `retry_after_s` is how long, in seconds, when it says so."""

    status = 429

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Misconfigured(IncidentCopilotError):
    """A setting is missing or wrong; the message names the variable."""

    status = 500


class Unforeseen(IncidentCopilotError):
    """A bug: something was raised that nobody foresaw; the log has it."""

    status = 500


class BadAnswer(IncidentCopilotError):
    """The model's reply never met its contract; it was billed all the same."""

    status = 502


class Unavailable(IncidentCopilotError):
    """A service cannot be reached or failed; nothing happened there."""

    status = 503


class Uncertain(IncidentCopilotError):
    """A request was sent and no reply came: it may have happened."""

    status = 504
