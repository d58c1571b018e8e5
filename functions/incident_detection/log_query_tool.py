"""The one tool the detection model may call: search the logs again. Code writes the query, the model chooses words."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from shared import clock, telemetry
from shared.agent.agent import Toolbox
from shared.agent.answer_checks import judgement
from shared.agent.claim_checks import GroundingContext
from shared.analysis.detection.detect import detect
from shared.bounds import clip
from shared.contracts import Alert, Evidence, Incident
from shared.errors import Rejected
from shared.http.validation import sentence
from shared.model.port import Tool
from shared.step import recorder
from shared.telemetry.port import LogQuery

from .fetch_telemetry import without_secrets

FARTHEST = timedelta(hours=6)
"""How far before the alert's window a model may search."""
MAX_LINES = 5_000
MAX_PATTERNS = 12

Word = Annotated[str, Field(min_length=1, max_length=100)]
Moment = Annotated[datetime, AfterValidator(clock.to_utc)]


class LogQuestion(BaseModel):
    """What may be chosen: words, times, and whether only problems count."""

    words: list[Word] = Field(default_factory=list, max_length=3, description="Texts each line must hold, case counts.")
    only_problems: bool = Field(False, description="Only lines that look like warnings, errors or worse.")
    start: Moment | None = Field(None, description="RFC 3339; by default the start of the alert's window.")
    end: Moment | None = Field(None, description="RFC 3339; by default the end of the alert's window.")


class LogQueryTool:
    """Answers questions about the logs of the alert's own service, and keeps the results as evidence."""

    def __init__(self, alert: Alert, offline: Incident, label: str = "") -> None:
        self._alert = alert
        self._label = label
        self._offline = offline
        self._evidence: list[Evidence] = []

    def toolbox(self) -> Toolbox:
        """Return the tool, for one round."""
        # The service is not named: tool descriptions are sent to the model unmasked.
        about = (
            "Read the logs of the alert's service once more, grouped to patterns with counts. Ask only when the answer "
            "would change your verdict, for example to see whether the failure went on before the window."
        )
        tool = Tool("query_logs", about, LogQuestion.model_json_schema(), self.query_logs)
        return Toolbox((tool,), rounds=1, evidence=lambda: (self._with_evidence(self._offline),))

    def query_logs(self, args: Mapping[str, Any]) -> str:
        """Return the patterns in the logs. Raises Rejected naming the wrong argument, and what Loki raises."""
        query = self._query(_question(args))
        with recorder.tool("query_logs", words=query.containing, start=query.start, end=query.end) as call:
            page = without_secrets(telemetry.connect_logs().search(query))
            window = self._alert.replace(start=query.start, end=query.end)
            detected = detect(window, page, (), ())
            call.args["query"] = page.query
            call.result = self._report(detected)
        return call.result

    def check(self, refined: Incident, context: GroundingContext) -> tuple[Incident, list[str]]:
        """Check the judgement against everything the model saw, and add what the tool read as evidence."""
        checked, drops = judgement(refined, self._offline, context)
        return self._with_evidence(checked), drops

    def _with_evidence(self, incident: Incident) -> Incident:
        return incident.replace(evidence=[*incident.evidence, *self._evidence])

    def _query(self, question: LogQuestion) -> LogQuery:
        alert = self._alert
        start = max(question.start or alert.start, alert.start - FARTHEST)
        end = min(question.end or alert.end, alert.end)
        if start >= end:
            raise Rejected(f"start must lie before end, and both between {alert.start - FARTHEST} and {alert.end}")
        words = tuple(question.words)
        return LogQuery(
            alert.service_name,
            start,
            end,
            MAX_LINES,
            only="problems" if question.only_problems else "all",
            containing=words,
            label=self._label,
            labels=alert.labels,
        )

    def _report(self, detected: Incident) -> str:
        lines = [f"{detected.lines_read} lines from {detected.start.isoformat()} to {detected.end.isoformat()}"]
        for pattern in detected.patterns[:MAX_PATTERNS]:
            id_ = self._keep(pattern.exemplar, pattern.first_seen, detected.log_query_used)
            times = f"{pattern.first_seen:%H:%M:%S} to {pattern.last_seen:%H:%M:%S}"
            lines.append(f"{id_} {pattern.level} {pattern.count} times, {times}: {clip(pattern.exemplar, 300)}")
        return "\n".join(lines)

    def _keep(self, text: str, at: datetime, query: str) -> str:
        numbers = [int(piece.id[1:]) for piece in (*self._offline.evidence, *self._evidence) if piece.id[0] == "L"]
        id_ = f"L{max(numbers, default=0) + 1}"
        self._evidence.append(Evidence(id=id_, source="logs", query=query, at=at, text=text))
        return id_


def _question(args: Mapping[str, Any]) -> LogQuestion:
    try:
        return LogQuestion.model_validate(dict(args))
    except ValidationError as error:
        raise Rejected(f"query_logs: {sentence(error)}") from None
