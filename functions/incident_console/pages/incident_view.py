"""What an incident's page shows that no contract says by itself."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from shared.bounds import clip
from shared.contracts import Change, Evidence, Outcome, RootCause
from shared.links import LinkSettings
from shared.redaction import redact
from shared.text.harmless import one_line
from shared.traces.port import TraceStore

from .incident_trace import IncidentTrace, StepRun
from .side_by_side import DiffFile, diff_files, patch_diff
from .timeline_rows import TimelineRow, timeline

MAX_RAW_CHARS = 400_000
OUTCOME_WORDS = {
    "full": "full brief",
    "degraded": "degraded brief",
    "dismissed": "dismissed",
    "merged": "merged",
    "resolved": "resolved",
    "test": "test alert",
    "update": "update",
    "umbrella": "list of held alerts",
    "maintenance": "maintenance",
    "undelivered": "not delivered yet",
    "open": "running",
    "held": "held",
    "closed": "closed",
}


@dataclass(frozen=True)
class QuoteView:
    """A quote of a hypothesis, and whether it stands in the evidence word for word."""

    evidence_id: str
    text: str
    is_verbatim: bool


@dataclass(frozen=True)
class CauseView:
    """A hypothesis against the evidence it cites."""

    cause: RootCause
    quotes: list[QuoteView]
    missing_ids: list[str]
    """Cited, and not among the evidence."""


@dataclass(frozen=True)
class AgentView:
    """One run as an agent's own words: what it read, answered, and what of it code dropped."""

    anchor: str
    run: StepRun
    answer: str
    reads: list[str]
    transcripts: list[str]

    @property
    def replay_step(self) -> str:
        """The step by which `make replay` runs it again; empty for one that reads telemetry or writes."""
        step = self.run.step
        return step.name if step and step.model and step.writes is None and step.name != "incident_detection" else ""


@dataclass(frozen=True)
class CommitDiff:
    """The diff of a suspect commit, as it was read."""

    sha: str
    files: list[DiffFile]


@dataclass(frozen=True)
class IncidentView:
    """Everything that an incident's page shows."""

    trace: IncidentTrace
    rows: list[TimelineRow]
    total_s: float
    causes: list[CauseView]
    changes: list[Change]
    evidence: list[Evidence]
    agents: list[AgentView]
    patch_files: list[DiffFile]
    commit_diffs: dict[str, list[DiffFile]]
    chart: str
    links: LinkSettings

    @property
    def title(self) -> str:
        """What is wrong, in one line."""
        incident, alert = self.trace.incident, self.trace.alert
        title = (incident.title or next(iter(incident.initial_symptoms), "")) if incident else ""
        return clip(one_line(title or (alert.summary or alert.alert_name if alert else "") or "Incident"), 200)

    @property
    def outcome(self) -> Outcome | None:
        """How it ended."""
        return self.trace.outcome

    @property
    def outcome_words(self) -> str:
        """How it ended, or what it does now, in words."""
        kind = self.outcome.kind if self.outcome else self.trace.document["state"]
        return OUTCOME_WORDS.get(kind, kind)

    @property
    def tokens(self) -> int:
        """Tokens of every run so far."""
        return sum(run.entry["tokens_in"] + run.entry["tokens_out"] for run in self.trace.runs)

    @property
    def cost_usd(self) -> float:
        """US dollars of every run so far."""
        return sum(run.entry["cost_usd"] for run in self.trace.runs)

    @property
    def pr_url(self) -> str:
        """The pull request's page, or an empty text."""
        stored = (self.trace.document["pull_request"] or {}).get("url")
        return str(stored or (self.outcome.pr_url if self.outcome else "") or "")

    def is_own(self, url: str) -> bool:
        """Return whether an address is a page of our own systems, so that it may be a link."""
        return bool(url) and self.links.is_own(url)

    def raw(self) -> str:
        """Return the trace as JSON text in the seed's shape, its start where it is long."""
        text = json.dumps(self.trace.document, indent=2, ensure_ascii=False)
        return clip(text, MAX_RAW_CHARS, "\n… download the rest")


def incident_view(trace: IncidentTrace, store: TraceStore) -> IncidentView:
    """Return what the page shows. Raises what the store raises."""
    incident, code = trace.incident, trace.code_analysis
    evidence = [*(incident.evidence if incident else []), *(code.evidence if code else [])]
    rows, total_s = timeline(trace)
    changes = [*(incident.what_changed if incident else []), *(code.what_changed if code else [])]
    return IncidentView(
        trace=trace,
        rows=rows,
        total_s=total_s,
        causes=_causes(trace, {piece.id: piece for piece in evidence}),
        changes=changes,
        evidence=evidence,
        agents=[_agent(run, number) for number, run in enumerate(trace.runs, 1)],
        patch_files=diff_files(_patch(trace, store)),
        commit_diffs={piece.query: diff_files(_with_file_lines(piece.text)) for piece in evidence if _is_commit(piece)},
        chart=_chart(trace, changes),
        links=LinkSettings.from_env(),
    )


def version(trace: IncidentTrace) -> str:
    """Return what changes whenever the page would: a browser that has this version needs no other."""
    document = trace.document
    people = len(trace.requests)
    return f"{document['state']}-{len(trace.runs)}-{people}-{document['merged_alerts']}-{document['updated_at']}"


def _causes(trace: IncidentTrace, pieces: dict[str, Evidence]) -> list[CauseView]:
    causes = trace.root_causes.root_causes if trace.root_causes else []
    return [
        CauseView(
            cause,
            [QuoteView(quote.evidence_id, quote.text, _stands_in(quote.text, pieces.get(quote.evidence_id)))
             for quote in cause.quotes],
            [id_ for id_ in cause.evidence_ids if id_ not in pieces],
        )
        for cause in causes
    ]  # fmt: skip


def _stands_in(quote: str, piece: Evidence | None) -> bool:
    return piece is not None and " ".join(quote.split()) in " ".join(piece.text.split())


def _agent(run: StepRun, number: int) -> AgentView:
    entry = run.entry
    reads = entry["agent_input"].get("reads")
    return AgentView(
        anchor=f"run-{number}",
        run=run,
        answer=json.dumps(entry["agent_response"], indent=2, ensure_ascii=False),
        reads=[str(name) for name in reads] if isinstance(reads, list) else [],
        transcripts=[str(turn["transcript_ref"]) for turn in entry["model_calls"] if turn.get("transcript_ref")],
    )


def _patch(trace: IncidentTrace, store: TraceStore) -> str:
    """Return the patch as a diff: the checked one with its whole context, else the edits that were proposed."""
    calls = [call for run in trace.runs for call in run.entry["tool_calls"] if call["tool_name"] == "apply_patch"]
    pull_request = trace.document["pull_request"] or {}
    references = [pull_request.get("diff_ref"), trace.branch.diff_ref if trace.branch else None]
    references += [call["result_ref"] for call in calls]
    for reference in filter(None, references):
        if text := store.text(str(reference)):
            return redact(text)
    if calls and calls[-1]["result"]:
        return calls[-1]["result"]
    patch = trace.solution.patch if trace.solution else None
    return patch_diff(patch) if patch else ""


def _is_commit(piece: Evidence) -> bool:
    return piece.source == "commits" and bool(piece.query) and "@@ " in piece.text


def _with_file_lines(text: str) -> str:
    """Return a commit's evidence as a diff: each file's name stands alone in the line before its first hunk."""
    lines = text.split("\n")
    names = [after.startswith("@@ ") and line[:1] not in " +-@" for line, after in pairwise([*lines, ""])]
    return "\n".join(f"+++ {line}" if is_name else line for line, is_name in zip(lines, names, strict=True))


def _chart(trace: IncidentTrace, changes: list[Change]) -> str:
    """Return errors over time as JSON for the chart, with onset, alert and changes; empty without a count."""
    incident = trace.incident
    if incident is None or not any(incident.error_summary.errors_over_time):
        return ""
    counts = incident.error_summary.errors_over_time
    step = (incident.end - incident.start) / len(counts)
    times = [(incident.start + step * number).timestamp() for number in range(len(counts))]
    return json.dumps({"times": times, "counts": counts, "marks": _marks(trace, changes, incident.start, step)})


def _marks(trace: IncidentTrace, changes: list[Change], start: datetime, step: timedelta) -> list[dict[str, Any]]:
    incident, alert = trace.incident, trace.alert
    moments = [("onset", incident.onset)] if incident and incident.onset else []
    moments += [(change.kind, change.at) for change in changes]
    moments += [("alert", alert.started_at)] if alert and alert.started_at else []
    return [{"name": name, "at": at.timestamp()} for name, at in moments if at >= start - step]
