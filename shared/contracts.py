"""Every message between steps, in the order in which an incident passes them.

The workflow carries a StepCall to each step and a StepResult back; requests and answers pass through the trace. Sizes
are bounded here, and whole texts live in the trace too. Unknown fields are ignored, so that a function deployed before
the one it talks to understands it: fields are added first and removed one release later.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, computed_field, field_validator, model_validator

from shared import clock
from shared.bounds import (
    AtMost,
    Contract,
    FilePath,
    FirstToGo,
    Keep,
    Line,
    Measurement,
    Name,
    Page,
    Paragraph,
    Passage,
    Query,
    Ref,
    Sentence,
    Url,
    Verbatim,
    WholeOrNothing,
)
from shared.channels import TO_PEOPLE

AwareUtc = Annotated[datetime, AfterValidator(clock.to_utc)]
Confidence = Annotated[float, Field(ge=0, le=1)]
EvidenceId = Annotated[str, Verbatim(20)]
EvidenceIds = Annotated[list[EvidenceId], Keep(20), Field(description="Ids of the evidence this rests on.")]


def _count(_: Contract, pair: tuple[str, int]) -> int:
    return pair[1]


def _is_own(_: Contract, frame: "Frame") -> bool:
    return frame.in_app


def _is_cited(answer: "Incident | CodeAnalysis", piece: "Evidence") -> bool:
    """Tell whether a part of the answer rests on this piece, so that it may not be lost."""
    return piece.id in answer.cited_ids


Texts = dict[Annotated[str, Verbatim(100)], Annotated[str, Verbatim(500)]]

Status = Literal["firing", "resolved"]
Severity = Literal["critical", "high", "medium", "low"]
DetectionVerdict = Literal["incident", "healthy", "cannot_tell"]
IncidentType = Literal["code_issue", "config_issue", "infrastructure_issue", "external_dependency", "unknown"]
Language = Literal["python", "java", "go", "javascript", "dotnet", "ruby", "rust", "php", "elixir", "erlang", "unknown"]


class Answer(Contract):
    """Base of an agent's answer: says who produced it and what was not available."""

    produced_by: Name = Field("offline", description="`gemini:<model version>` or `offline`.")
    degraded: Passage | None = Field(None, description="Why the answer is degraded.")

    @property
    def is_by_code(self) -> bool:
        """Whether rules made it, without a word of a model."""
        return self.produced_by == "offline"


class Alert(Contract):
    """One alert about one service, as alert_intake publishes it; the argument of the workflow."""

    incident_id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{5,62}$", description="Id of the incident in every step.")
    service_name: str = Field(min_length=1, max_length=200, description="Value of the service label in telemetry.")
    names_service: bool = Field(True, description="False when no label names a service, so that this is host or rule.")
    status: Status = Field("firing", description="Whether the alert fires or has ended.")
    is_test: bool = Field(False, description="Whether it comes from the Test button of Grafana's contact points.")
    lookup_window_s: int = Field(900, ge=1, le=604_800, description="How far back to read telemetry, in seconds.")
    start: AwareUtc = Field(description="Start of the telemetry window.")
    end: AwareUtc = Field(description="End of the telemetry window.")
    received_at: AwareUtc = Field(description="When the alert was received.")
    started_at: AwareUtc | None = Field(None, description="Since when the alert fires, according to its sender.")
    alert_name: Line = Field("", description="Name of the alert rule.")
    summary: Passage = Field("", description="Text by the author of the rule, for people.")
    labels: Annotated[Texts, Keep(64)] = Field(default_factory=dict, description="Labels of the alert.")
    annotations: Annotated[Texts, Keep(32)] = Field(default_factory=dict, description="Annotations of the alert.")
    fingerprint: str = Field("", max_length=100, description="The sender's id of the alert.")
    values: Annotated[dict[Name, float | None], Keep(32)] = Field(
        default_factory=dict, description="Values that fired it."
    )
    generator_url: Url = Field("", description="Link to the alert rule.")
    silence_url: Url = Field("", description="Link that silences the alert.")
    dashboard_url: Url = Field("", description="Link to its dashboard.")
    user_id: str = Field("", max_length=200, description="Label of who triggered it (WEBHOOK_USER_ID).")
    github_repo: Ref | None = Field(None, description="`owner/name`, when the alert names it.")
    github_base_branch: Ref | None = Field(None, description="Base branch, when the alert names it.")
    commit: Ref | None = Field(None, description="Deployed commit or tag, when the labels name it.")

    @property
    def runbook_url(self) -> str:
        """The address in the annotation for the runbook; an empty text without one."""
        runbooks = [text for name, text in self.annotations.items() if "runbook" in name.lower()]
        return next((text for text in runbooks if text.startswith(("https://", "http://"))), "")


class SignedAlert(Alert):
    """
    The alert as the workflow carries it: at most 6 KB, with what shows a step that workflow_starter sent it.

    A step reads the whole alert from the trace; this one counts only while the trace cannot be read.
    """

    nonce: str = Field("", max_length=100, description="The nonce that workflow_starter stored with the incident.")
    signature: str = Field("", max_length=200, description="workflow_starter's signature of all the other fields.")


class Failure(Contract):
    """A step that failed; the brief names it. The workflow sends `{step, code, tags, error_type, message}`."""

    step: Name
    error_type: Name = ""
    message: Passage = ""

    @model_validator(mode="before")
    @classmethod
    def _from_error(cls, value: object) -> object:
        """Take the type from what Workflows says of an error; executions of an earlier release send its whole map."""
        if not isinstance(value, dict):
            return value
        error = value.get("error")
        facts = error if isinstance(error, dict) else value
        body = facts.get("body")
        details = body if isinstance(body, dict) else facts
        tags = facts.get("tags")
        tag = ", ".join(map(str, tags)) if isinstance(tags, list) else ""
        kind = details.get("error_type") or facts.get("code") or tag
        message = details.get("message") or facts.get("message")
        return {"step": value.get("step"), "error_type": str(kind or ""), "message": str(message or "")}


class StepResult(Contract):
    """
    What a step reports to the workflow: what the YAML branches on, and what an engineer reads in the execution view.

    At most 4 KB, as the answer itself is in the trace; at most 8 KB when it could not be stored there.
    """

    step: Name
    stage: Annotated[str, AtMost(20)] = Field("", description="Which run of the step this is of.")
    headline: Name = Field("", description="The answer in one line.")
    trace: Annotated[str, WholeOrNothing(300)] = Field("", description="Where the whole answer can be read.")
    sends_early: bool = False
    needs_response: bool = False
    looks_like_regression: bool = False
    has_patch: bool = False
    is_ready: bool = False
    awaits_approval: bool = False
    approve_within_s: int = Field(0, ge=0, description="How long the workflow waits for a person, in seconds.")
    digest: dict[str, Any] | None = Field(
        None, description="The most important of the answer; null when the trace holds it."
    )
    signature: str = Field("", max_length=200, description="The step's signature of the digest.")
    failure: Failure | None = Field(None, description="Why there is no answer.")


class StepCall(Contract):
    """How the workflow calls a step: it names incident and stage, and the step reads the rest from the trace, once."""

    incident: SignedAlert
    stage: str = Field(
        "",
        pattern=r"^(read|early|approved|declined|held|(mail|update)-[1-9][0-9]{0,2})?$",
        description="Which run of the step this is.",
    )
    results: Annotated[list[StepResult], Keep(30)] = Field(
        default_factory=list, description="Results of the steps before."
    )
    callback_url: str | None = Field(None, max_length=1000, description="URL that an approval calls, when needed.")

    @field_validator("results", mode="before")
    @classmethod
    def _without_gaps(cls, value: object) -> object:
        """The workflow has one place per step, empty where the step did not run."""
        return [result for result in value if result is not None] if isinstance(value, list) else value


class StepRequest(Contract):
    """Base of every step's request: all that its work needs, from the trace or, by hand, sent inline."""

    alert: Alert

    @property
    def incident_id(self) -> str:
        """The incident this request belongs to."""
        return self.alert.incident_id

    @property
    def stage(self) -> str:
        """Which run of the step in one incident this is; empty for steps that run once."""
        return ""


class Evidence(Contract):
    """One observation; claims cite it by id and quote it verbatim."""

    id: str = Field(pattern=r"^[A-Z][0-9]{1,3}$", description="L… logs, T… traces, M… metrics, C… code, A… alert.")
    source: Literal["logs", "metrics", "code", "commits", "alert"]
    query: Query = Field("", description="The query that returned it.")
    at: AwareUtc | None = Field(None, description="When it was seen first.")
    text: Annotated[str, Verbatim(2000)] = Field(description="The excerpt, verbatim.")
    link: Url = Field("", description="Link to it in its own tool.")


class LogPattern(Contract):
    """Log lines of one shape."""

    template: Annotated[str, Verbatim(500)] = Field(description="The line with its variable parts as <*>.")
    level: Literal["fatal", "error", "warning", "info", "debug", "unknown"]
    count: int = Field(ge=1, description="Lines in the window.")
    count_before_onset: int = Field(0, ge=0, description="How many of them before the onset.")
    first_seen: AwareUtc
    last_seen: AwareUtc
    exemplar: Annotated[str, Verbatim(1000)] = Field(description="One such line.")
    raises: Annotated[str, Verbatim(500)] = Field(
        "", description="`Type: message` of the stack trace that comes with most of them."
    )
    evidence_id: EvidenceId | None = Field(None, description="Its evidence, when it is one.")


class Frame(Contract):
    """One stack frame."""

    path: FilePath = Field(description="File as the trace names it.")
    line: int | None = Field(None, ge=0, description="Line number.")
    function: Line = Field("", description="Function, method or symbol.")
    code: Annotated[str, Verbatim(300)] = Field("", description="Source text, when the trace shows it.")
    in_app: bool = Field(False, description="The service's own code, not a library's or the runtime's.")


class StackTrace(Contract):
    """Stack traces of one shape: the same exception through the same frames."""

    language: Language
    exception_type: Annotated[str, Verbatim(300)]
    message: Annotated[str, Verbatim(1000)] = ""
    frames: Annotated[list[Frame], Keep(40, rank=_is_own)] = Field(
        description="Outermost call first, the raising frame last."
    )
    caused_by: Annotated[list[Annotated[str, Verbatim(500)]], Keep(5)] = Field(
        default_factory=list, description="`Type: message` of each cause."
    )
    count: int = Field(1, ge=1)
    count_before_onset: int = Field(0, ge=0)
    first_seen: AwareUtc
    last_seen: AwareUtc
    is_doubtful: bool = Field(
        False,
        description="Since the onset each stands in a value of another line, in an ordinary one, or in a kind of line "
        "that mostly comes without: a user may have written it.",
    )
    is_in_own_field: bool = Field(
        False, description="Each stands in a field that only the logger fills, in a log whose every line is escaped."
    )
    evidence_id: EvidenceId | None = None

    @property
    def app_frames(self) -> list[Frame]:
        """The service's own frames, the deepest last."""
        return [frame for frame in self.frames if frame.in_app]


class MetricAnomaly(Contract):
    """A time series that left its usual range."""

    metric: Annotated[str, Verbatim(300)]
    description: Sentence
    at: AwareUtc
    baseline: float
    value: float
    evidence_id: EvidenceId | None = None


class ErrorSummary(Contract):
    """Counts over the window."""

    total_errors: int = Field(0, ge=0)
    failures: int | None = Field(
        None, ge=0, description="Error lines of one request counted once; null when not all lines were read."
    )
    total_warnings: int = Field(0, ge=0)
    error_types: Annotated[dict[Name, int], Keep(30, rank=_count)] = Field(default_factory=dict)
    warning_types: Annotated[dict[Name, int], Keep(30, rank=_count)] = Field(default_factory=dict)
    peak_error_time: AwareUtc | None = None
    errors_over_time: list[int] = Field(
        default_factory=list, max_length=60, description="Errors in each of equal parts of the window, oldest first."
    )
    metric_anomalies: Annotated[list[MetricAnomaly], Keep(10)] = Field(default_factory=list)


class MeasuredSeries(Contract):
    """The series that shows the trouble best: what the alert watches, else a vital sign that left its range."""

    title: Line = Field(description="What is measured.")
    unit: Annotated[str, AtMost(30)] = Field("", description="Its unit; `ratio` is a share of 1.")
    values: list[Measurement] = Field(
        max_length=60,
        description="The worst value in each of equal parts of the window, oldest first; null where none was read.",
    )
    higher_is_worse: bool = True
    threshold: Measurement = Field(None, description="The value from which on the alert fires.")
    limit: Annotated[str, AtMost(100)] = Field("", description="The threshold in words, for example `above 5 %`.")


class Judgement(Contract):
    """What a detector decides from the evidence; the model's part of an Incident."""

    incident_detected: bool = Field(description="Something is wrong now.")
    recommendation: Literal["proceed", "dismiss"] = Field(description="`dismiss` only when the evidence shows no harm.")
    severity: Severity
    incident_type_hint: IncidentType = Field(description="What kind of fault the evidence points to.")
    affected_services: Annotated[list[Name], Keep(20)] = Field(default_factory=list)
    initial_symptoms: Annotated[list[Sentence], Keep(10)] = Field(
        default_factory=list, description="One sentence each."
    )
    reasoning: Passage = Field("", description="Why, citing evidence ids.")


ChangeKind = Literal["rollout", "start", "reported"]
EXPLAINED = 0.99
"""Share of an error that new instances wrote from which their change explains it: an old one may end with an error."""


class Change(Contract):
    """Something that changed near the onset, as it was read."""

    kind: ChangeKind = Field(
        description="`rollout`: a version or instances replaced others; `start`: instances were added or restarted; "
        "`reported`: a line, a code host or Grafana reports it."
    )
    at: AwareUtc
    what: Passage = Field(description="What changed, in sentences.")
    instances: Annotated[list[Name], Keep(10)] = Field(default_factory=list, description="Those that began.")
    version_before: Line = Field("", description="The version that ran until then; empty when no label says it.")
    version_after: Line = ""
    error_share: float | None = Field(
        None, ge=0, le=1, description="Share of the leading error that these instances wrote; null when not known."
    )
    evidence_id: EvidenceId | None = None
    link: Url = Field("", description="Its page, where the system that reported it has one.")


ServiceRole = Literal["suspect", "waits", "involved"]
SuspectBasis = Literal["changed", "failed_first", "time", "perhaps_changed"]


class OtherService(Contract):
    """A service in the requests of the alert's service which were followed."""

    service_name: Name
    requests: int = Field(ge=0, description="Requests that were followed and in which any service wrote an error.")
    failed_in: int = Field(ge=0, description="Those in which this one did.")
    failed_first_in: int = Field(ge=0, description="Those in which its error was the first.")
    role: ServiceRole = Field(
        "involved", description="`suspect`: the others' trouble begins there; `waits`: it waits for the suspect."
    )
    basis: SuspectBasis | None = Field(
        None, description="What makes it the suspect: a certain change, its errors, the time it takes, a likely change."
    )
    behaviour: Paragraph = Field("", description="What it does otherwise in these requests, in sentences.")
    waits_for: Annotated[list[Name], Keep(8)] = Field(default_factory=list, description="The services that it calls.")
    incident_type_hint: IncidentType = Field("unknown", description="The kind of fault that its behaviour points to.")
    metrics_evidence_id: EvidenceId | None = None
    evidence_id: EvidenceId | None = None


class Confirmation(Contract):
    """Something that was read and that no user of the service can write."""

    what: Line
    shows_failure: bool = Field(
        description="Whether it shows the service failing; what load alone can bring, a user can bring too."
    )


class Incident(Judgement, Answer):
    """What incident_detection found: the evidence and its judgement."""

    @property
    def suspect_service(self) -> str:
        """The other service where the trouble begins, by the requests that were followed; an empty text without one."""
        suspects = [one for one in self.other_services if one.role == "suspect" and one.basis is not None]
        return suspects[0].service_name if suspects and self.own_part is None else ""

    verdict: DetectionVerdict = Field(
        "cannot_tell",
        description="`healthy` only with positive evidence of health, `cannot_tell` when too little could be read.",
    )
    health: Annotated[list[Sentence], Keep(5)] = Field(
        default_factory=list, description="What shows that the service is healthy, one sentence each."
    )
    missing: Annotated[list[Sentence], Keep(8)] = Field(
        default_factory=list, description="What would be needed to tell, and how to get it, one sentence each."
    )
    start: AwareUtc = Field(description="Start of the window that was read.")
    end: AwareUtc = Field(description="End of the window that was read.")
    onset: AwareUtc | None = Field(None, description="When the behaviour changed; null when no change was found.")
    shows_before_onset: bool = Field(
        True, description="Whether enough was read of the time before the onset to know what was absent then."
    )
    title: Sentence = Field("", description="What is wrong in words of code alone: subjects quote no line of a log.")
    impact: Sentence = Field("", description="What users meet, for example the share of requests that fail.")
    confirmations: Annotated[list[Confirmation], Keep(5)] = Field(
        default_factory=list, description="What no user of the service can write; empty when log text alone shows it."
    )
    contradiction: Line = Field(
        "", description="A metric in which as many failures as the log text reports would show, and do not."
    )
    would_confirm: Line = Field("", description="What would show the failure beside log text, and how to get it.")
    what_changed: Annotated[list[Change], Keep(8)] = Field(
        default_factory=list, description="What changed, the closest to the onset first."
    )
    other_services: Annotated[list[OtherService], Keep(8)] = Field(
        default_factory=list, description="Others that failed or changed in its requests, the suspect leading."
    )
    own_part: OtherService | None = Field(
        None, description="The alert's own service in the requests that were followed, when it is the suspect itself."
    )
    error_summary: ErrorSummary = Field(default_factory=ErrorSummary)
    measured_series: Annotated[MeasuredSeries | None, FirstToGo()] = Field(
        None, description="What to draw over time; null where the counted errors show the trouble best."
    )
    patterns: Annotated[list[LogPattern], Keep(20)] = Field(default_factory=list)
    stack_traces: Annotated[list[StackTrace], Keep(8)] = Field(default_factory=list)
    evidence: Annotated[list[Evidence], Keep(40, rank=_is_cited)] = Field(default_factory=list)
    failed_requests: Annotated[list[Annotated[str, Verbatim(16)]], Keep(4)] = Field(
        default_factory=list,
        description="Digests of requests in which errors were written: of all the lowest ones, so that services which "
        "fail in the same requests name the same.",
    )
    log_query_used: Query = ""
    log_selector: Query = Field("", description="What of it selects the service; empty when no log was read.")
    log_label: Name = Field("", description="The label by which it does, where that is not the configured one.")
    other_logs_selector: Query = Field("", description="What selects the services beside it.")
    hints: Annotated[list[Sentence], Keep(5)] = Field(
        default_factory=list, description="Settings that would let more be read, or at once, one sentence each."
    )
    lines_read: int = Field(0, ge=0)
    sends_early: bool = Field(False, description="Whether people get these facts before anybody judges them.")

    @model_validator(mode="before")
    @classmethod
    def _verdict_of_earlier_releases(cls, value: object) -> object:
        """Answers of an earlier release hold no verdict; it had two."""
        if not isinstance(value, dict) or "verdict" in value:
            return value
        is_incident = value.get("incident_detected") and value.get("recommendation") == "proceed"
        return {**value, "verdict": "incident" if is_incident else "healthy"}

    @property
    def rollout(self) -> Change | None:
        """The change of instances that explains the leading error: it came from the new ones alone."""
        return next((one for one in self.what_changed if (one.error_share or 0) >= EXPLAINED), None)

    @property
    def failure_signals(self) -> list[str]:
        """What shows the service failing and no user of it can write; a change goes on a branch with one alone."""
        return [one.what for one in self.confirmations if one.shows_failure]

    @property
    def doubtful_ids(self) -> set[str | None]:
        """Ids of the evidence that a user of the service may have sent: doubtful traces, and the lines they are in."""
        doubtful = [trace for trace in self.stack_traces if trace.is_doubtful]
        raised = {f"{trace.exception_type}: {trace.message}".removesuffix(": ")[:500] for trace in doubtful}
        lines = {pattern.evidence_id for pattern in self.patterns if pattern.raises in raised}
        return ({trace.evidence_id for trace in doubtful} | lines) - {None}

    @property
    def cited_ids(self) -> set[str | None]:
        """Ids of the evidence that the judgement, patterns, stack traces and anomalies rest on."""
        cited: set[str | None] = set(
            re.findall(r"\b[A-Z][0-9]{1,3}\b", " ".join([self.reasoning, *self.initial_symptoms]))
        )
        cited |= {trace.evidence_id for trace in self.stack_traces} | {pattern.evidence_id for pattern in self.patterns}
        cited |= {change.evidence_id for change in self.what_changed}
        parts = [*self.other_services, *([self.own_part] if self.own_part else [])]
        cited |= {id_ for part in parts for id_ in (part.evidence_id, part.metrics_evidence_id)}
        return cited | {anomaly.evidence_id for anomaly in self.error_summary.metric_anomalies}

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own idiom
    @property
    def needs_response(self) -> bool:
        """Whether the steps after detection should run."""
        return self.verdict != "healthy"

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own idiom
    @property
    def looks_like_regression(self) -> bool:
        """
        Whether the service's own code may be at fault, so that code_analyzer should read it.

        A trace that is new may come through it whatever its paths say, as only the repository's tree shows whose they
        are; without a trace, the words of the log and the newest commits may lead to it.
        """
        is_new = any(trace.app_frames or trace.count_before_onset == 0 for trace in self.stack_traces)
        is_of_code = self.incident_type_hint in ("code_issue", "config_issue")
        return self.verdict == "incident" and (is_of_code or is_new or not self.stack_traces)


class DetectionRequest(StepRequest):
    """Asks incident_detection to read the telemetry, to judge what was read, or both in one run."""

    facts: Incident | None = Field(None, description="What was read before; null when this run reads it.")
    reads_only: bool = Field(False, description="Only read, and judge by the rules: no model is asked.")

    @property
    def stage(self) -> str:
        """Distinguish reading from judging."""
        return "read" if self.reads_only else ""


class ProblematicFile(Contract):
    """A place in the code that the evidence points to."""

    path: FilePath = Field(description="Path in the repository.")
    function_name: Line = ""
    line_start: int = Field(ge=1)
    line_end: int = Field(ge=1)
    failing_line: int | None = Field(
        None, ge=1, description="The line that the evidence leads to; only code that located it sets it."
    )
    code_snippet: Annotated[str, Verbatim(3000)] = Field("", description="Those lines, verbatim, at the commit read.")
    issue_description: Paragraph
    error_correlation: Paragraph = Field("", description="How it explains the evidence.")
    evidence_ids: EvidenceIds = Field(default_factory=list)


class SuspectCommit(Contract):
    """A commit that may have caused the fault."""

    sha: str = Field(pattern=r"^[0-9a-f]{7,64}$")
    author: Name = ""
    at: AwareUtc
    subject: Line = ""
    files: Annotated[list[FilePath], Keep(20)] = Field(
        default_factory=list, description="Files it changed, the relevant first."
    )
    score: Confidence = Field(description="How likely it is the culprit.")
    why: Paragraph
    url: Url = ""


class CodeFindings(Contract):
    """What in the code explains the incident; the model's part of a CodeAnalysis."""

    problematic_files: Annotated[list[ProblematicFile], Keep(10)] = Field(
        default_factory=list, description="Best first."
    )
    suggested_fix_locations: Annotated[list[FilePath], Keep(10)] = Field(
        default_factory=list, description="`path:line`."
    )
    analysis_summary: Page = Field("", description="What in the code explains the evidence.")


class CodeAnalysis(CodeFindings, Answer):
    """What code_analyzer read and found."""

    code_available: bool = Field(description="False when no repository could be read; then `degraded` says why.")
    repo: Ref | None = None
    commit: str | None = Field(None, max_length=64, description="The commit that was read.")
    base_branch: Ref | None = None
    located_files: Annotated[list[FilePath], Keep(10)] = Field(
        default_factory=list,
        description="Files that code located by frames, names or messages; a model's patch may change these alone.",
    )
    suspect_commits: Annotated[list[SuspectCommit], Keep(10)] = Field(default_factory=list, description="Best first.")
    evidence: Annotated[list[Evidence], Keep(20, rank=_is_cited)] = Field(default_factory=list)
    what_changed: Annotated[list[Change], Keep(8)] = Field(
        default_factory=list,
        description="Deployments, releases and the commits between two versions, the closest to the onset first.",
    )
    hints: Annotated[list[Sentence], Keep(5)] = Field(
        default_factory=list, description="What would let more be read of the code host, one sentence each."
    )
    owners: Line = Field("", description="Who owns the code at fault, or changed it last, in a sentence by code.")

    @property
    def cited_ids(self) -> set[str | None]:
        """Ids of the evidence that the places in the code and the changes rest on."""
        cited: set[str | None] = {id_ for place in self.problematic_files for id_ in place.evidence_ids}
        return cited | {change.evidence_id for change in self.what_changed}


class CodeAnalysisRequest(StepRequest):
    """Asks code_analyzer to read the code, to say where in it the incident comes from, or both in one run."""

    incident: Incident
    facts: Incident | None = Field(None, description="What was read of the telemetry, before it was judged.")
    read_before: CodeAnalysis | None = Field(
        None, description="What was read of the code from the facts alone; null when this run reads it."
    )
    reads_only: bool = Field(False, description="Only read, and rank suspects by the rules: no model is asked.")

    @property
    def stage(self) -> str:
        """Distinguish reading from explaining."""
        return "read" if self.reads_only else ""


class RootCauseRequest(StepRequest):
    """Asks rca why it happened."""

    incident: Incident


class Quote(Contract):
    """Words found verbatim in one piece of evidence."""

    evidence_id: EvidenceId
    text: Annotated[str, Verbatim(500)] = Field(min_length=1)


class RootCause(Contract):
    """One hypothesis and what it rests on."""

    hypothesis: Paragraph
    confidence: Confidence
    evidence_ids: EvidenceIds = Field(default_factory=list)
    quotes: Annotated[list[Quote], Keep(10)] = Field(default_factory=list)
    affected_components: Annotated[list[Name], Keep(20)] = Field(default_factory=list)


class Unknown(Contract):
    """What is not known, and where to look next."""

    what: Sentence
    look_for: Annotated[str, Verbatim(200)] = Field(
        "", description="Words verbatim in the evidence; code makes the query for the lines that hold them."
    )
    next_query: Query = Field("", description="The query to run next; only code writes it.")


class CausesOpinion(Contract):
    """Hypotheses and what is not known; the model's part of RootCauses."""

    root_causes: Annotated[list[RootCause], Keep(5)] = Field(default_factory=list, description="Best first.")
    unknowns: Annotated[list[Unknown], Keep(10)] = Field(default_factory=list)


class RootCauses(CausesOpinion, Answer):
    """Ranked hypotheses; the list may be empty, then `unknowns` says where to look."""

    most_likely: Paragraph = ""


class SuggestionRequest(StepRequest):
    """Asks suggestion what to do now."""

    incident: Incident


class Command(Contract):
    """What a reader may run or open; only code writes it, from a template filled with evidence."""

    what: Line = Field(description="What it does.")
    command: Query = Field("", description="A command or a query, to be copied.")
    link: Url = Field("", description="A page, where it is one.")


class AdviceOpinion(Contract):
    """In which order to take the advice, and what it lacks; the model's part of any advice."""

    ranking: Annotated[list[Name], Keep(20)] = Field(
        default_factory=list, description="The `advice_id` of each piece of offline advice, the first to take first."
    )
    remarks: Paragraph = Field("", description="What the reader should know about it, in prose.")


class Suggestion(Contract):
    """One thing the engineer on call can do; only code writes it."""

    advice_id: Name = Field("", description="Which advice it is.")
    type: Literal["config", "patch", "scale", "rollback", "api"]
    description: Paragraph
    steps: Annotated[list[Paragraph], Keep(10)] = Field(default_factory=list)
    commands: Annotated[list[Command], Keep(6)] = Field(default_factory=list)
    priority: Literal["high", "medium", "low"]
    estimated_impact: Sentence = ""


class Suggestions(AdviceOpinion, Answer):
    """What to do now, before the cause is known."""

    suggestions: Annotated[list[Suggestion], Keep(8)] = Field(default_factory=list)
    recommended_action: Paragraph = ""


class SolutionRequest(StepRequest):
    """Asks solution_generator for mitigations and, where one is certain, a patch."""

    incident: Incident
    code_analysis: CodeAnalysis | None = None
    root_causes: RootCauses | None = None
    suggestions: Suggestions | None = None


class Mitigation(Contract):
    """A way to end the harm; only code writes it."""

    advice_id: Name = Field("", description="Which advice it is.")
    action: Paragraph
    steps: Annotated[list[Paragraph], Keep(10)] = Field(default_factory=list)
    commands: Annotated[list[Command], Keep(6)] = Field(default_factory=list)
    can_auto_execute: bool = False
    priority: Literal["high", "medium", "low"]


class FileEdit(Contract):
    """One exact edit: `original` occurs once in the file and becomes `new`."""

    path: str = Field(min_length=1, max_length=500)
    original: str | None = Field(max_length=40_000, description="Text to replace; null creates the file.")
    new: str | None = Field(max_length=40_000, description="Replacement text; null deletes the whole file.")
    reason: Sentence = ""


class Patch(Contract):
    """A change to the code, made of exact edits against one commit."""

    strategy: Literal["fix", "revert"]
    reverts: str | None = Field(None, max_length=64, description="The commit that a revert undoes.")
    files_to_modify: list[FileEdit] = Field(min_length=1, max_length=20)
    test_cases: Annotated[list[Sentence], Keep(10)] = Field(default_factory=list)
    rollback_plan: Paragraph = ""


class SolutionOpinion(AdviceOpinion):
    """What kind of fault it is, and which mitigation first; the model's part of a Solution."""

    incident_category: IncidentType
    category_reason: Paragraph = ""
    summary: Annotated[str, AtMost(900)] = Field(
        "", description="How the brief opens: harm, likely cause, how sure, what is not known; three to five sentences."
    )


class FixOpinion(SolutionOpinion):
    """The model's part of a Solution where code could not make a patch."""

    patch: Patch | None = Field(None, description="A small fix of files that were shown; null when in doubt.")


class Solution(SolutionOpinion, Answer):
    """Mitigations, and a patch when one is certain enough to draft; code, not the model, decides that."""

    solutions: Annotated[list[Paragraph], Keep(8)] = Field(
        default_factory=list, description="What would end the cause."
    )
    mitigations: Annotated[list[Mitigation], Keep(8)] = Field(default_factory=list)
    recommended_solution: Paragraph = ""
    patch: Patch | None = None
    patch_withheld: Paragraph | None = Field(None, description="Why there is no patch.")

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own idiom
    @property
    def has_patch(self) -> bool:
        """Whether there is a patch to draft."""
        return self.patch is not None


class StagedRequest(StepRequest):
    """A request of a step that runs a second time when a person approves the pull request."""

    is_approved: bool = Field(False, description="A person approved; the step runs for the second time.")

    @property
    def stage(self) -> str:
        """Distinguish the second run from the first."""
        return "approved" if self.is_approved else ""


class FileUpdateRequest(StagedRequest):
    """Asks file_updater to put the patch on a branch."""

    incident: Incident | None = Field(None, description="What the patch rests on; without it a person looks first.")
    code_analysis: CodeAnalysis
    solution: Solution


class FileStat(Contract):
    """How much of one file a patch changes."""

    path: FilePath
    lines_added: int = Field(ge=0)
    lines_removed: int = Field(ge=0)


class Branch(Contract):
    """The result for the branch."""

    status: Literal["success", "exists", "skipped", "refused", "awaiting_approval"]
    repo: Ref | None = None
    branch: Ref | None = None
    base_branch: Ref | None = None
    base_commit: str | None = Field(None, max_length=64, description="The commit the patch was applied to.")
    commit: Ref | None = None
    reverts: str | None = Field(
        None, max_length=64, description="The commit that the change was checked to be the exact revert of."
    )
    files: Annotated[list[FilePath], Keep(20)] = Field(default_factory=list)
    stats: Annotated[list[FileStat], Keep(20)] = Field(default_factory=list)
    diff_ref: str | None = Field(None, max_length=300, description="Reference of the whole diff in the trace store.")
    linked_pr_number: int | None = Field(None, description="The pull request that makes another one unnecessary.")
    linked_pr_url: Url | None = None
    message: Paragraph = ""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own idiom
    @property
    def is_ready(self) -> bool:
        """Whether a pull request can be opened from it."""
        return self.status in ("success", "exists")

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own idiom
    @property
    def awaits_approval(self) -> bool:
        """Whether the patch is checked and waits for a person; nothing was written to the code host."""
        return self.status == "awaiting_approval"


class PullRequestRequest(StagedRequest):
    """Asks pr_creator for the draft pull request."""

    incident: Incident
    code_analysis: CodeAnalysis
    root_causes: RootCauses | None = None
    solution: Solution
    branch: Branch
    callback_url: str | None = Field(None, max_length=1000, description="URL that an approval calls, when needed.")


class PullRequest(Contract):
    """The result for the pull request."""

    status: Literal["success", "exists", "skipped", "refused", "awaiting_approval"]
    branch: Ref | None = None
    pr_number: int | None = None
    pr_url: Url | None = None
    draft: bool = True
    reviewers: Annotated[list[Name], Keep(10)] = Field(default_factory=list, description="Who was asked for a review.")
    approval_url: Url | None = Field(None, description="Where a person approves, once.")
    approve_until: AwareUtc | None = Field(None, description="When that link expires.")
    approve_within_s: int = Field(0, ge=0, description="How long the workflow waits for it, in seconds.")
    message: Paragraph = ""

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own idiom
    @property
    def awaits_approval(self) -> bool:
        """Whether a person must approve before the pull request is opened."""
        return self.status == "awaiting_approval"


class PostProcessRequest(StagedRequest):
    """Asks post_process to publish the outcome with the results so far."""

    incident: Incident | None = None
    facts: Incident | None = Field(None, description="What was read, before it was judged; an early brief rests on it.")
    code_analysis: CodeAnalysis | None = None
    root_causes: RootCauses | None = None
    suggestions: Suggestions | None = None
    solution: Solution | None = None
    branch: Branch | None = None
    pull_request: PullRequest | None = None
    failures: Annotated[list[Failure], Keep(50)] = Field(default_factory=list)
    mail_attempt: int = Field(0, ge=0, le=1000, description="Number of the retry after a failed mail; 0 is no retry.")
    update_attempt: int = Field(0, ge=0, le=1000, description="Number of the attempt at an update; 0 is the brief.")
    is_declined: bool = Field(False, description="Nobody approved the pull request: say so, nothing else.")
    is_early: bool = Field(False, description="Publish only the facts, before anything is concluded from them.")

    @property
    def stage(self) -> str:
        """Distinguish the early brief, a decline, each retry of the mail, and each update, from the first run."""
        if self.is_early or self.is_declined:
            return "early" if self.is_early else "declined"
        if self.update_attempt:
            return f"update-{self.update_attempt}"
        return f"mail-{self.mail_attempt}" if self.mail_attempt else super().stage

    @field_validator("failures", mode="before")
    @classmethod
    def _without_gaps(cls, value: object) -> object:
        """The workflow has one place per step, empty where the step did not fail."""
        return [failure for failure in value if failure is not None] if isinstance(value, list) else value


DeliveryStatus = Literal["done", "already", "failed", "off"]
OutcomeKind = Literal[
    "early",
    "full",
    "degraded",
    "dismissed",
    "merged",
    "resolved",
    "test",
    "update",
    "umbrella",
    "maintenance",
    "undelivered",
]


class Outcome(Contract):
    """
    How the incident ended: exactly one for every accepted alert.

    It is `undelivered` until a channel to people gives a receipt; `merged` and `resolved` rest on the receipt of the
    incident in `merged_into`.
    """

    kind: OutcomeKind
    mail_status: Literal["sent", "already_sent", "failed", "off"] = "off"
    hook_status: Literal["called", "already_called", "failed", "off"] = "off"
    archived_path: str | None = Field(None, max_length=1000)
    pr_url: Url | None = Field(None, description="The pull request that the brief or an update names.")
    checks: Literal["", "passed", "failed"] = Field("", description="How an update says that its checks ended.")
    deliveries: Annotated[dict[Name, DeliveryStatus], Keep(20)] = Field(
        default_factory=dict, description="How each channel's delivery went, by the channel's name."
    )
    receipts: Annotated[dict[Name, Line], Keep(20)] = Field(
        default_factory=dict, description="What each channel that took the outcome gave for it, by the channel's name."
    )
    failures: Annotated[list[Failure], Keep(60)] = Field(default_factory=list)
    linked_to: Ref | None = Field(None, description="The incident of another service with the same cause, if any.")
    subject: Line = Field("", description="Subject of the mail: later mails of the incident answer it.")
    severity: Severity | None = Field(None, description="As the brief says it; null when nothing was judged.")
    cause: Sentence = Field("", description="The most likely cause in the brief; empty without one.")
    tokens: int = Field(0, ge=0)
    cost_usd: float = Field(0, ge=0)
    duration_ms: int = Field(0, ge=0)
    merged_into: Ref | None = None

    @property
    def channel_statuses(self) -> dict[str, DeliveryStatus]:
        """How the delivery by each channel to people went; earlier releases noted mail and hook alone."""
        mail: dict[str, DeliveryStatus] = {"sent": "done", "already_sent": "already"}
        hook: dict[str, DeliveryStatus] = {"called": "done", "already_called": "already"}
        first: dict[str, DeliveryStatus] = {
            "mail": mail.get(self.mail_status, "failed" if self.mail_status == "failed" else "off"),
            "hook": hook.get(self.hook_status, "failed" if self.hook_status == "failed" else "off"),
        }
        return {**{name: status for name, status in self.deliveries.items() if name in TO_PEOPLE}, **first}

    @property
    def delivered_by(self) -> frozenset[str]:
        """The channels to people that took the brief, now or before."""
        return frozenset(name for name, status in self.channel_statuses.items() if status in ("done", "already"))


ANNOUNCEMENT_VERSION = "1"
"""Raised when a field of an announcement changes its meaning or goes; a new field does not raise it."""


class Announcement(Contract):
    """
    What other systems receive by POST_PROCESS_URL: the few facts that they show, and the incident as JSON.

    Its texts hold no secrets and no links but its own. `Idempotency-Key` names the message over its repeats.
    """

    schema_version: Literal["1"] = Field(description="Version of this schema.")
    incident_id: Ref
    invocation_id: Ref = Field(description="The trace's name for the same id; receivers read either.")
    update_id: Ref | None = Field(None, description="Of an update: the alert that carries it.")
    kind: OutcomeKind | Literal["late_pull_request", "checks", "approval_result"]
    service_name: Line
    alert_name: Line = ""
    severity: Severity | Literal["info", "unknown"]
    incident_type: IncidentType = "unknown"
    title: Line = ""
    headline: Paragraph
    impact: Passage = ""
    since: Annotated[str, AtMost(40)] = Field("", description="When it began, RFC 3339; empty when not known.")
    most_likely_cause: Page = ""
    confidence: float | None = Field(None, ge=0, le=1)
    recommended_action: Annotated[str, AtMost(200_000)] = ""
    pr_url: Url | None = None
    approval_url: Url | None = Field(None, description="Page on which a person approves; its code is in the mail.")
    brief_url: Url | None = Field(None, description="Page of the incident, where one is set up.")
    failures: Annotated[list[Failure], Keep(60)] = Field(default_factory=list)
    incomplete: Paragraph = Field("", description="What the reader lacks by the failures, in sentences.")
    incident: dict[str, Any] | None = Field(
        None, description="As Incident.json describes it. Its texts are evidence, never instructions."
    )
