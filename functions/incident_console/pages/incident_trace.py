"""One incident as its trace has it: answers as contracts, runs in time, and nothing that is secret."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from shared import log
from shared.admission.operator_requests import AGENT
from shared.bounds import Contract
from shared.contracts import (
    Alert,
    Branch,
    CodeAnalysis,
    Incident,
    Outcome,
    PullRequest,
    RootCauses,
    Solution,
    Suggestions,
)
from shared.http.validation import places
from shared.redaction import redact, redact_json
from shared.step import steps
from shared.step.steps import StepRow
from shared.traces.entries import Json, RunEntry, ToolCallEntry, TraceDocument
from shared.traces.port import TraceStore

Answer = TypeVar("Answer", bound=Contract)
BRIEF = "render_brief"
"""The call under which post_process leaves its brief."""
_NOT_SHOWN = ("callback_url", "approval_signature")
"""Of the pull request: with them a program could go on in a person's place."""


@dataclass(frozen=True)
class StepRun:
    """One run of one step."""

    agent: str
    entry: RunEntry

    @property
    def step(self) -> StepRow | None:
        """The step it is a run of, or None for a step of another release."""
        return steps.of_run(self.agent)

    @property
    def start(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(self.entry["runStart"])

    @property
    def end(self) -> datetime:
        """When it ended."""
        return datetime.fromisoformat(self.entry["runEnd"])


@dataclass(frozen=True)
class IncidentTrace:
    """The whole trace; `document` is in the seed's shape."""

    document: TraceDocument

    @property
    def incident_id(self) -> str:
        """The incident's id."""
        return self.document["invocation_id"]

    @property
    def created_at(self) -> datetime:
        """When the incident was opened."""
        return datetime.fromisoformat(self.document["created_at"])

    @property
    def is_running(self) -> bool:
        """Whether anything more is to be expected."""
        return self.document["state"] in ("open", "undelivered")

    @property
    def runs(self) -> list[StepRun]:
        """Every run of a step, in the order in which they began."""
        return [run for run in self._all_runs if run.agent != AGENT]

    @property
    def requests(self) -> list[StepRun]:
        """What people did, in the order in which they did it."""
        return [run for run in self._all_runs if run.agent == AGENT]

    @property
    def _all_runs(self) -> list[StepRun]:
        runs = [StepRun(agent, entry) for agent, entries in self.document["traces"].items() for entry in entries]
        return sorted(runs, key=lambda run: run.start)

    @property
    def alert(self) -> Alert | None:
        """The alert, or None when it cannot be read."""
        return self._read(Alert, self.document["user"]["input"])

    @property
    def outcome(self) -> Outcome | None:
        """How it ended, or None before it has."""
        return self._read(Outcome, self.document["outcome"])

    @property
    def incident(self) -> Incident | None:
        """What detection found."""
        return self._answer(Incident, steps.INCIDENT_DETECTION)

    @property
    def root_causes(self) -> RootCauses | None:
        """The hypotheses."""
        return self._answer(RootCauses, steps.RCA)

    @property
    def suggestions(self) -> Suggestions | None:
        """What to do at once."""
        return self._answer(Suggestions, steps.SUGGESTION)

    @property
    def code_analysis(self) -> CodeAnalysis | None:
        """What was read in the code."""
        return self._answer(CodeAnalysis, steps.CODE_ANALYZER)

    @property
    def solution(self) -> Solution | None:
        """Mitigations and the patch."""
        return self._answer(Solution, steps.SOLUTION_GENERATOR)

    @property
    def branch(self) -> Branch | None:
        """What became of the patch on a branch."""
        return self._answer(Branch, steps.FILE_UPDATER)

    @property
    def pull_request(self) -> PullRequest | None:
        """What became of the pull request."""
        return self._answer(PullRequest, steps.PR_CREATOR)

    @property
    def has_brief(self) -> bool:
        """Whether a brief was rendered and is in the trace."""
        return self._brief_call is not None

    def brief(self, store: TraceStore) -> str:
        """Return the last brief that was rendered, as HTML without secrets; an empty text without one."""
        call = self._brief_call
        whole = store.text(call["result_ref"]) if call and call["result_ref"] else None
        return redact(whole or (call["result"] if call else ""))

    @property
    def _brief_call(self) -> ToolCallEntry | None:
        calls = [call for run in self.runs for call in run.entry["tool_calls"] if call["tool_name"] == BRIEF]
        return calls[-1] if calls else None

    def references(self) -> frozenset[str]:
        """Return the names of the long texts that belong to this incident."""
        entries = [run.entry for run in self.runs]
        calls = [call["result_ref"] for entry in entries for call in entry["tool_calls"]]
        turns = [turn.get("transcript_ref") for entry in entries for turn in entry["model_calls"]]
        diff = [self.branch.diff_ref if self.branch else None, (self.document["pull_request"] or {}).get("diff_ref")]
        return frozenset(str(name) for name in (*calls, *turns, *diff) if name)

    def _answer(self, kind: type[Answer], row: StepRow) -> Answer | None:
        """Return the answer in force of a step: of several runs of one name the first; a later stage replaces it."""
        names = [row.agent, row.run_name(steps.APPROVED)]
        entries = [entry for name in names for entry in self.document["traces"].get(name, ())[:1]]
        bodies = [entry["agent_response"] for entry in entries if entry["agent_response"] is not None]
        return self._read(kind, bodies[-1] if bodies else None)

    def _read(self, kind: type[Answer], body: Json | None) -> Answer | None:
        try:
            return None if body is None else kind.model_validate(body)
        except ValidationError as error:
            # The raw trace further down shows what it is.
            log.warning("incident_console.unreadable", part=kind.__name__, error=places(error))
            return None


def read_trace(store: TraceStore, incident_id: str) -> IncidentTrace | None:
    """Return the incident's trace without secrets, or None when there is none. Raises what the store raises."""
    document = store.document(incident_id)
    if document is None:
        return None
    pull_request = document["pull_request"]
    shown_fields = pull_request and {name: value for name, value in pull_request.items() if name not in _NOT_SHOWN}
    clean = cast(dict[str, Any], redact_json({**document, "pull_request": shown_fields}))
    return IncidentTrace(cast(TraceDocument, clean))
