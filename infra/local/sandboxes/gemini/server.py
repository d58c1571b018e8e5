"""Gemini on loopback: generateContent of the developer API and of Vertex AI; invalid requests are refused.

Source: https://ai.google.dev/api/generate-content and https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import argparse
import contextlib
import json
import re
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.sandboxes.gemini import faults
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.rules import objection
from infra.local.sandboxes.gemini.scripts import SCRIPTS, Script, Turn, agreeable, text_turn
from infra.local.sandboxes.http import Reply, Request, Sandbox

API_KEY = "sandbox-gemini-key"
_GENERATE = re.compile(
    r"/v1[a-z0-9]*(?:/projects/[^/]+/locations/[^/]+/publishers/google)?/models/([^/:]+):generateContent"
)
STATE = "/sandbox/state"
MEETING_TIMEOUT_S = 60.0
CHARS_PER_TOKEN = 4


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and in how many calls from the first on; None means in all."""

    name: str
    calls: int | None = None


@dataclass(frozen=True)
class ReceivedCall:
    """One call: from its arrival to its answer, by time.monotonic."""

    began: float
    ended: float


class GeminiSandbox(Sandbox):
    """
    Answers by `script`, after `latency_s` seconds; `answers`, by contract name, are used first, one for each call.

    Every request is recorded, and written to `folder` when it is given. `calls` and `max_calls_in_series` count the
    calls of a run. The calls numbered in `meeting` are answered only once all of them have arrived, so that calls which
    can overlap do overlap on a machine of any speed; calls that cannot are answered after MEETING_TIMEOUT_S.
    """

    def __init__(
        self,
        port: int = 0,
        script: Script = agreeable,
        latency_s: float = 0,
        fault: Fault | None = None,
        folder: Path | None = None,
        answers: Mapping[str, Sequence[object]] | None = None,
        meeting: range = range(0),
    ) -> None:
        super().__init__(port)
        self.script, self.latency_s, self.fault, self.folder = script, latency_s, fault, folder
        self._answers = {title: deque(turns) for title, turns in (answers or {}).items()}
        self._calls: list[ReceivedCall] = []
        self._meeting, self._all_arrived = meeting, threading.Barrier(max(1, len(meeting)))
        self._model_requests: list[ModelRequest] = []

    @property
    def model_requests(self) -> list[ModelRequest]:
        """The generateContent requests so far, in order."""
        with self._lock:
            return list(self._model_requests)

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        with self._lock:
            return len(self._calls)

    @property
    def max_calls_in_series(self) -> int:
        """Length of the longest series of calls, each of which started after the one before had ended."""
        with self._lock:
            calls = sorted(self._calls, key=lambda call: call.ended)
        lengths: list[int] = []
        for index, call in enumerate(calls):
            before = [lengths[other] for other in range(index) if calls[other].ended <= call.began]
            lengths.append(1 + max(before, default=0))
        return max(lengths, default=0)

    @property
    def state(self) -> dict[str, int]:
        """The calls of a run so far; also at STATE, and in state.json of the folder."""
        return {"calls": self.calls, "longest_series": self.max_calls_in_series}

    def reply_to(self, request: Request) -> Reply:
        """Answer, and record how long it took."""
        began = time.monotonic()
        reply = super().reply_to(request)
        if _GENERATE.fullmatch(request.path):
            with self._lock:
                self._calls.append(ReceivedCall(began, time.monotonic()))
            if self.folder:
                (self.folder / "state.json").write_text(json.dumps(self.state), "utf-8")
        return reply

    def answer(self, request: Request) -> Reply:
        """Answer generateContent, a token request of Vertex AI, or a request for the call counts."""
        if request.path == STATE:
            return Reply.of_json(self.state)
        if request.path == "/token":
            return Reply.of_json({"access_token": API_KEY, "expires_in": 3600, "token_type": "Bearer"})
        match = _GENERATE.fullmatch(request.path)
        if match is None or request.method != "POST":
            return faults.error(404, "NOT_FOUND", f"no such model or method: {request.path}")
        if API_KEY not in (request.headers.get("x-goog-api-key"), request.headers.get("Authorization", "")[7:]):
            return faults.error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        return self._generated(ModelRequest(match[1], request.json()))

    def _generated(self, request: ModelRequest) -> Reply:
        number = self._record(request)
        if number in self._meeting:
            with contextlib.suppress(threading.BrokenBarrierError):
                self._all_arrived.wait(MEETING_TIMEOUT_S)
        if problem := objection(request):
            return faults.error(400, "INVALID_ARGUMENT", problem)
        fault = self.fault.name if self.fault and number <= (self.fault.calls or number) else None
        if fault in faults.WIRE:
            return faults.WIRE[fault]()
        if fault == "blocked":
            return Reply.of_json(faults.BLOCKED)
        turn = faults.ANSWERS[fault](request) if fault else self._turn(request)
        return Reply.of_json(_response(request, turn)).held(self.latency_s)

    def _record(self, request: ModelRequest) -> int:
        with self._lock:
            self._model_requests.append(request)
            number = len(self._model_requests)
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            record = {"model": request.model, **request.body}
            (self.folder / f"{number:03}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False), "utf-8")
        return number

    def _turn(self, request: ModelRequest) -> Turn:
        with self._lock:
            queued = self._answers.get(request.title)
            scripted = queued.popleft() if queued else None
        if scripted is None:
            return self.script(request)
        return scripted if isinstance(scripted, Turn) else text_turn(scripted)


def _response(request: ModelRequest, turn: Turn) -> dict[str, Any]:
    tokens_in, tokens_out = request.chars // CHARS_PER_TOKEN, len(json.dumps(turn.parts)) // CHARS_PER_TOKEN
    usage = {"promptTokenCount": tokens_in, "candidatesTokenCount": tokens_out, "thoughtsTokenCount": 20,
             "totalTokenCount": tokens_in + tokens_out + 20}  # fmt: skip
    content = {"role": "model", "parts": turn.parts}
    candidates = [{"content": content, "finishReason": turn.finish, "index": 0}]
    return {"candidates": candidates, "usageMetadata": usage, "modelVersion": request.model}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.sandboxes.gemini.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0, help="seconds each answer takes")
    parser.add_argument("--script", choices=sorted(SCRIPTS), default="agreeable")
    parser.add_argument("--fault", choices=faults.NAMES)
    parser.add_argument("--fault-calls", type=int, help="only the first so many calls fail; by default all")
    parser.add_argument("--meeting", nargs=2, type=int, default=(0, -1), help="first and last call that must overlap")
    parser.add_argument("--requests-folder", type=Path, help="folder for every request, as <n>.json")
    options = parser.parse_args()
    fault = Fault(options.fault, options.fault_calls) if options.fault else None
    first, last = options.meeting
    GeminiSandbox(
        options.port,
        SCRIPTS[options.script],
        options.latency,
        fault,
        options.requests_folder,
        meeting=range(first, last + 1),
    ).serve_until_interrupted()


if __name__ == "__main__":
    main()
