"""The model sandbox of a measurement: it keeps when each call came and what it took, until they are taken."""

import json
import threading
import time
from dataclasses import dataclass

from infra.bench.brief import reference_answers
from infra.local.sandboxes.gemini.server import GeminiSandbox
from infra.local.sandboxes.http import Reply, Request


@dataclass(frozen=True)
class MeasuredCall:
    """One answered call: its times in seconds since 1970, and what it is billed for."""

    began: float
    ended: float
    model: str
    tokens_in: int
    tokens_out: int


class MeasuredModel(GeminiSandbox):
    """Answers the system and the reference alike, after `latency_s` seconds; set it before an alert."""

    def __init__(self) -> None:
        super().__init__(script=reference_answers.answer)
        self._measured: list[MeasuredCall] = []
        self._changed = threading.Condition()

    def take_calls(self) -> list[MeasuredCall]:
        """Return the calls since the last time, oldest first."""
        with self._changed:
            calls, self._measured = self._measured, []
        return calls

    def wait_calls(self, count: int, timeout_s: float) -> list[MeasuredCall]:
        """Return the calls since the last time, once there are so many or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._measured) >= count, timeout_s)
        return self.take_calls()

    def reply_to(self, request: Request) -> Reply:
        """Answer, and keep what the call took."""
        began = time.time()
        reply = super().reply_to(request)
        if reply.status == 200 and b"usageMetadata" in reply.body:
            body = json.loads(reply.body)
            counts = body["usageMetadata"]
            # Thinking is billed as output.
            tokens_out = counts["candidatesTokenCount"] + counts["thoughtsTokenCount"]
            call = MeasuredCall(began, time.time(), body["modelVersion"], counts["promptTokenCount"], tokens_out)
            with self._changed:
                self._measured.append(call)
                self._changed.notify_all()
        return reply
