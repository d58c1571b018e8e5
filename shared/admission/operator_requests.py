"""
What a person asks for in the console, as a message to workflow_starter, which carries it out.

incident_console can be reached from outside, so it writes nowhere itself: its account may only publish this.
"""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from shared import clock
from shared.bounds import AtMost, Contract, Passage, Ref
from shared.contracts import Alert, AwareUtc
from shared.redaction import redact

ATTRIBUTE = "operator_request"
"""Of the message; its value is the kind. Without it a message is an alert."""
AGENT = "Operator"
"""The name under which the trace of an incident holds what people did."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead the clock may be of whoever asks; a request of a later time is none."""

RequestKind = Literal["investigate", "acknowledge", "mute", "unmute", "judge"]
Verdict = Literal["right", "partly", "wrong"]


def _redacted(value: object) -> object:
    return redact(value) if isinstance(value, str) else value


# The last is the first to act: redacted, then cut, as half of a secret is not recognized as one.
Note = Annotated[str, AtMost(500), BeforeValidator(_redacted)]


class OperatorRequest(Contract):
    """One request; the same `request_id` again is the same request."""

    request_id: str = Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")
    kind: RequestKind
    by: str = Field(min_length=1, max_length=80, description="Who asks: the address that IAP vouches for, or a name.")
    at: AwareUtc = Field(description="When it was asked.")
    service_name: str = Field(min_length=1, max_length=200)
    incident_id: Ref = Field("", description="The incident on whose page it was asked; empty on no incident's page.")
    alert: Alert | None = Field(None, description="What is investigated.")
    minutes: int = Field(60, ge=1, le=1440, description="For how long the service is muted.")
    verdict: Verdict | None = Field(None, description="How the cause was.")
    cause: Passage = Field("", description="The cause that was judged, as the page showed it.")
    note: Note = ""

    @model_validator(mode="after")
    def _is_whole(self) -> "OperatorRequest":
        """Check that it holds what its kind needs, and was asked by now."""
        if self.at > clock.now() + CLOCKS_DIFFER:
            raise ValueError("at lies in the future")
        if self.kind == "investigate" and self.alert is None:
            raise ValueError("an investigation needs its alert")
        if self.kind == "judge" and (self.verdict is None or not self.incident_id):
            raise ValueError("a judgement needs a verdict and an incident")
        if self.kind == "acknowledge" and not self.incident_id:
            raise ValueError("an acknowledgement needs an incident")
        return self
