"""A Gemini on loopback: generateContent as the developer API and Vertex AI speak it, strict about what it is sent.

Source: https://ai.google.dev/api/generate-content and https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import argparse
import json
import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.sandboxes.gemini import faults
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.rules import objection
from infra.local.sandboxes.gemini.scripts import SCRIPTS, Script, Turn, agreeable, said
from infra.local.sandboxes.http import Reply, Request, Sandbox

API_KEY = "sandbox-gemini-key"
_GENERATE = re.compile(
    r"/v1[a-z0-9]*(?:/projects/[^/]+/locations/[^/]+/publishers/google)?/models/([^/:]+):generateContent"
)
STATE = "/sandbox/state"
CHARS_PER_TOKEN = 4


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and in how many calls from the first on; none means always."""

    name: str
    calls: int | None = None


@dataclass(frozen=True)
class ReceivedCall:
    """One call: from its arrival to its answer, by time.monotonic."""

    began: float
    ended: float


class GeminiSandbox(Sandbox):
    """
    Answers by `script`, after `latency_s` seconds; `answers` by name of the contract go first, one for each call.

    Every request is kept, in `folder` too where one is given. `calls` and `longest_series` count what a run cost.
    """

    def __init__(
        self,
        port: int = 0,
        script: Script = agreeable,
        latency_s: float = 0,
        fault: Fault | None = None,
        folder: Path | None = None,
        answers: Mapping[str, Sequence[object]] | None = None,
    ) -> None:
        super().__init__(port)
        self.script, self.latency_s, self.fault, self.folder = script, latency_s, fault, folder
        self._answers = {title: deque(turns) for title, turns in (answers or {}).items()}
        self._calls: list[ReceivedCall] = []
        self._asked: list[ModelRequest] = []

    @property
    def asked(self) -> list[ModelRequest]:
        """What was asked so far, in order."""
        with self._lock:
            return list(self._asked)

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        with self._lock:
            return len(self._calls)

    @property
    def longest_series(self) -> int:
        """How many calls followed one another, each begun after the one before had ended, at the most."""
        with self._lock:
            calls = sorted(self._calls, key=lambda call: call.ended)
        longest: list[int] = []
        for index, call in enumerate(calls):
            before = [longest[other] for other in range(index) if calls[other].ended <= call.began]
            longest.append(1 + max(before, default=0))
        return max(longest, default=0)

    @property
    def state(self) -> dict[str, int]:
        """What a run cost so far; also at STATE, and in state.json of the folder."""
        return {"calls": self.calls, "longest_series": self.longest_series}

    def reply_to(self, request: Request) -> Reply:
        """Answer, and remember how long it took."""
        began = time.monotonic()
        reply = super().reply_to(request)
        if _GENERATE.fullmatch(request.path):
            with self._lock:
                self._calls.append(ReceivedCall(began, time.monotonic()))
            if self.folder:
                (self.folder / "state.json").write_text(json.dumps(self.state), "utf-8")
        return reply

    def answer(self, request: Request) -> Reply:
        """Answer generateContent, a token request of Vertex AI, or the question how many calls there were."""
        if request.path == STATE:
            return Reply.of_json(self.state)
        if request.path == "/token":
            return Reply.of_json({"access_token": API_KEY, "expires_in": 3600, "token_type": "Bearer"})
        found = _GENERATE.fullmatch(request.path)
        if found is None or request.method != "POST":
            return faults.error(404, "NOT_FOUND", f"no such model or method: {request.path}")
        if API_KEY not in (request.headers.get("x-goog-api-key"), request.headers.get("Authorization", "")[7:]):
            return faults.error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.")
        return self._generated(ModelRequest(found[1], request.json()))

    def _generated(self, asked: ModelRequest) -> Reply:
        number = self._keep(asked)
        if problem := objection(asked):
            return faults.error(400, "INVALID_ARGUMENT", problem)
        fault = self.fault.name if self.fault and number <= (self.fault.calls or number) else None
        if fault in faults.WIRE:
            return faults.WIRE[fault]()
        if fault == "blocked":
            return Reply.of_json(faults.BLOCKED)
        turn = faults.ANSWERS[fault](asked) if fault else self._turn(asked)
        return Reply.of_json(_response(asked, turn)).held(self.latency_s)

    def _keep(self, asked: ModelRequest) -> int:
        with self._lock:
            self._asked.append(asked)
            number = len(self._asked)
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            kept = {"model": asked.model, **asked.body}
            (self.folder / f"{number:03}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False), "utf-8")
        return number

    def _turn(self, asked: ModelRequest) -> Turn:
        with self._lock:
            queued = self._answers.get(asked.title)
            scripted = queued.popleft() if queued else None
        if scripted is None:
            return self.script(asked)
        return scripted if isinstance(scripted, Turn) else said(scripted)


def _response(asked: ModelRequest, turn: Turn) -> dict[str, Any]:
    tokens_in, tokens_out = asked.chars // CHARS_PER_TOKEN, len(json.dumps(turn.parts)) // CHARS_PER_TOKEN
    usage = {"promptTokenCount": tokens_in, "candidatesTokenCount": tokens_out, "thoughtsTokenCount": 20,
             "totalTokenCount": tokens_in + tokens_out + 20}  # fmt: skip
    content = {"role": "model", "parts": turn.parts}
    candidates = [{"content": content, "finishReason": turn.finish, "index": 0}]
    return {"candidates": candidates, "usageMetadata": usage, "modelVersion": asked.model}


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.sandboxes.gemini.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0, help="seconds each answer takes")
    parser.add_argument("--script", choices=sorted(SCRIPTS), default="agreeable")
    parser.add_argument("--fault", choices=faults.NAMES)
    parser.add_argument("--fault-calls", type=int, help="only the first so many calls fail; by default all")
    parser.add_argument("--requests-folder", type=Path, help="where every request is kept, as <n>.json")
    given = parser.parse_args()
    fault = Fault(given.fault, given.fault_calls) if given.fault else None
    GeminiSandbox(
        given.port, SCRIPTS[given.script], given.latency, fault, given.requests_folder
    ).serve_until_interrupted()


if __name__ == "__main__":
    main()
