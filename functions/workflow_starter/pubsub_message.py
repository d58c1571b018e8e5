"""Read a Pub/Sub message as an alert, or record the incident of a message that is not an alert."""

import base64
import hashlib
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared import clock
from shared.admission.operator_requests import OperatorRequest
from shared.bounds import clip
from shared.cloud.dead_letter import DeadLetter
from shared.contracts import Alert, Failure, Outcome
from shared.errors import Rejected
from shared.http.validation import sentence
from shared.traces.port import IncidentRecord


class PubsubMessage(BaseModel):
    """The fields of a Pub/Sub message that are used; `data` is base64."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    message_id: str = ""
    data: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)


class PushedEvent(BaseModel):
    """The data of a CloudEvent of type google.cloud.pubsub.topic.v1.messagePublished."""

    message: PubsubMessage


@dataclass(frozen=True)
class IncomingMessage:
    """One message, parsed as far as possible."""

    message_id: str
    data: bytes
    attributes: dict[str, str]

    @property
    def text(self) -> str:
        """Its data as text; bytes that are not UTF-8 are replaced."""
        return self.data.decode("utf-8", "replace")

    def dead(self) -> DeadLetter:
        """Return it as it goes to the dead-letter topic."""
        return DeadLetter(self.data, self.message_id, self.attributes)

    def alert(self) -> Alert:
        """Return the alert it carries. Raises Rejected naming what is wrong."""
        try:
            return Alert.model_validate_json(self.text)
        except ValidationError as error:
            raise Rejected(f"Message {self.message_id!r} is not an Alert: {sentence(error)}") from None

    def operator_request(self) -> OperatorRequest:
        """Return what a person asks for. Raises Rejected naming what is wrong."""
        try:
            return OperatorRequest.model_validate_json(self.text)
        except ValidationError as error:
            raise Rejected(f"Message {self.message_id!r} is no request: {sentence(error)}") from None

    def unreadable(self, why: Rejected) -> IncidentRecord:
        """Return the closed incident that stores an unreadable message, and the reason."""
        failure = Failure(step="workflow_starter", error_type="Rejected", message=str(why))
        moment = clock.now()
        identity = self.message_id or self.text
        return IncidentRecord(
            incident_id=f"inc-unreadable-{hashlib.sha256(identity.encode()).hexdigest()[:16]}",
            service_name="unknown",
            state="closed",
            created_at=moment,
            updated_at=moment,
            alert={"message_id": self.message_id, "text": clip(self.text, 20_000)},
            outcome=Outcome(kind="degraded", failures=[failure]).model_dump(mode="json"),
        )


def incoming_message(event_data: object) -> IncomingMessage:
    """Return the message in a CloudEvent's data, whatever its shape."""
    try:
        message = PushedEvent.model_validate(event_data).message
        return IncomingMessage(message.message_id, base64.b64decode(message.data, validate=True), message.attributes)
    except ValueError:
        return IncomingMessage("", str(event_data).encode("utf-8", "replace"), {})
