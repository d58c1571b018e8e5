"""
Turns judged incidents into scenarios: what people said of a cause in the console is what a replay has to meet.

A right cause must come out again: the names in it, the most suspect commit, and the patch. One that is partly right
must keep its names. One that was wrong must not come out again. The inputs are those that the trace recorded.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from infra.evals.run_scenario import Played
from infra.evals.scenario import EvalScenario, Fires, PatchWanted, Wanted
from infra.replay.recorded import Recorded, read
from infra.replay.rerun import Rerun, rerun
from shared import log
from shared.admission import operator_journal
from shared.admission.operator_journal import JournalEntry
from shared.contracts import CodeAnalysis, RootCauses, Solution, Suggestions
from shared.errors import Rejected
from shared.step import steps
from shared.traces.port import TraceStore

MAX_NAMES = 3
_NAME = re.compile(r"\b(?:\w*(?:Error|Exception)|[A-Za-z]\w*_\w+|[A-Za-z]\w*[a-z][A-Z]\w*)\b")
"""What code, exceptions and settings are called: distinctive, and the same in every wording."""


@dataclass(frozen=True)
class JudgedIncident:
    """An incident with what people said of its cause."""

    scenario: EvalScenario
    recorded: Recorded

    def play(self) -> Played:
        """Replay its steps with the model that the environment configures."""
        began = time.monotonic()
        reruns = rerun(self.recorded)
        played = _played(self.recorded, reruns)
        played.seconds = time.monotonic() - began
        return played


def judged_incidents(store: TraceStore, only: str = "") -> list[JudgedIncident]:
    """Return the judged incidents whose id contains `only`, the last word of each; unreadable ones are left out."""
    words: dict[str, JournalEntry] = {}
    for entry in operator_journal.entries(store):
        if entry.kind == "judge" and only in entry.incident_id:
            words.setdefault(entry.incident_id, entry)
    return [one for entry in words.values() for one in _judged(store, entry)]


def _judged(store: TraceStore, entry: JournalEntry) -> Iterator[JudgedIncident]:
    try:
        recorded = read(store, entry.incident_id)
        yield JudgedIncident(scenario_of(recorded, entry), recorded)
    except Rejected as error:
        log.warning("evals.incident_left_out", incident_id=entry.incident_id, error=str(error))


def scenario_of(recorded: Recorded, entry: JournalEntry) -> EvalScenario:
    """Return what a replay has to meet. Raises Rejected when detection gave no answer."""
    incident, alert = recorded.incident, recorded.alert
    return EvalScenario(
        name=entry.incident_id,
        about=f"{entry.by} judged the cause {entry.verdict}. {entry.note}".strip(),
        service=alert.service_name,
        alert=Fires(name=alert.alert_name, summary=alert.summary),
        wanted=_wanted(recorded, entry, is_proceeding=incident.needs_response),
    )


def _wanted(recorded: Recorded, entry: JournalEntry, *, is_proceeding: bool) -> Wanted:
    outcome = "proceed" if is_proceeding else "dismiss"
    if entry.verdict == "wrong":
        return Wanted(outcome=outcome, never=[re.escape(entry.cause)] if entry.cause else [])
    names = list(dict.fromkeys(_NAME.findall(entry.cause)))[:MAX_NAMES]
    mentions = [re.escape(name) for name in names]
    if entry.verdict == "partly":
        return Wanted(outcome=outcome, mentions=mentions)
    code, solution = recorded.get(steps.CODE_ANALYZER, CodeAnalysis), recorded.solution
    reverted = solution.patch.reverts if solution and solution.patch else None
    return Wanted(
        outcome=outcome,
        mentions=mentions,
        file=code.problematic_files[0].path if code and code.problematic_files else None,
        commit=1 if code and code.suspect_commits else None,
        patch=PatchWanted(reverts=1) if reverted and reverted in _commits(recorded) else None,
    )


def _commits(recorded: Recorded) -> list[str]:
    """Return the commit that was most suspected, as commit 1."""
    code = recorded.get(steps.CODE_ANALYZER, CodeAnalysis)
    return [code.suspect_commits[0].sha] if code and code.suspect_commits else []


def _played(recorded: Recorded, reruns: list[Rerun]) -> Played:
    now = recorded
    for each in reruns:
        now = now.with_answer(each.row, each.after)
    failures = [failure for each in reruns for failure in each.done.model_failures]
    return Played(
        alert=recorded.alert,
        commits=_commits(recorded),
        incident=recorded.incident,
        root_causes=now.get(steps.RCA, RootCauses),
        suggestions=now.get(steps.SUGGESTION, Suggestions),
        code=now.get(steps.CODE_ANALYZER, CodeAnalysis),
        solution=now.get(steps.SOLUTION_GENERATOR, Solution),
        tokens=sum(each.tokens for each in reruns),
        cost_usd=sum(each.cost_usd for each in reruns),
        model_failures=[f"{type(failure.error).__name__}: {failure.error}" for failure in failures],
    )
