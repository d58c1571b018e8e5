"""The one message about alerts that were held together: an update of a brief, its end, or a list. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any

from pydantic import ValidationError

from shared import clock
from shared.admission.folding import event_of
from shared.admission.history import History
from shared.analysis.series.window import span
from shared.bounds import clip
from shared.contracts import Outcome, OutcomeKind
from shared.outbox.last_message import brief_message_id
from shared.outbox.port import Mail
from shared.text.harmless import defanged, one_line, visible
from shared.traces.port import Hold, IncidentRecord
from shared.traces.pull_request_record import PullRequestRecord

from ..brief.short_page import short_page

_STATES = {"open": "is still open", "merged": "was merged", "closed": "was closed without a merge"}
MAX_ROWS, MAX_RULES = 500, 8
"""How many alerts and rules a message names; the others are counted."""


@dataclass(frozen=True)
class HeldMessage:
    """A short message; `thread` is the incident in whose mail thread it stands, or its own."""

    kind: OutcomeKind
    incident_id: str
    service_name: str
    headline: str
    lines: tuple[str, ...]
    thread: str
    about: str
    """The incident for other systems: the end of one must not end another one to which it is linked."""
    thread_subject: str = ""
    since: str = ""
    pr_url: str = ""
    """The pull request that a line speaks of."""

    def mail(self, to: tuple[str, ...]) -> Mail:
        """Return it as a mail, an answer to the brief where there is one."""
        is_answer = self.thread != self.incident_id
        subject = f"Re: {self.thread_subject}" if is_answer and self.thread_subject else f"[{self.kind}] {self.title}"
        # Rules and services are named by whoever writes labels.
        lines = [defanged(visible(line)) for line in (f"{self.title}.", *self.lines)]
        text = "\n\n".join([*lines, *([self.pr_url] if self.pr_url else [])]) + "\n"
        paragraphs = [escape(line).replace("\n", "<br>") for line in lines]
        if self.pr_url:
            # Its address was checked when it was opened.
            paragraphs.append(f'<a href="{escape(self.pr_url)}">{escape(self.pr_url)}</a>')
        html = short_page(*paragraphs)
        answers = brief_message_id(self.thread) if is_answer else ""
        return Mail(
            to,
            clip(defanged(one_line(subject)), 180),
            html,
            text,
            brief_message_id(self.incident_id),
            in_reply_to=answers,
        )

    @property
    def title(self) -> str:
        """The service and what there is to say of it, in one line."""
        return f"{self.service_name}: {self.headline}"

    def payload(self) -> dict[str, Any]:
        """Return it as other systems receive it: the fields of every outcome, and which incident it belongs to."""
        return {
            "incident_id": self.about,
            "invocation_id": self.about,
            "update_id": self.incident_id,
            "kind": self.kind,
            "service_name": self.service_name,
            "alert_name": "",
            "severity": "info" if self.kind == "resolved" else "unknown",
            "incident_type": "unknown",
            "headline": self.headline,
            "impact": "",
            "since": self.since,
            "most_likely_cause": "",
            "confidence": None,
            "recommended_action": " ".join(self.lines),
            "pr_url": self.pr_url or None,
            "failures": [],
            "incident": None,
        }


def update_of(carrier: IncidentRecord, past: History, is_calm: bool = True) -> HeldMessage:
    """
    Return the update of a published incident, or its end when none of its alerts fires any more.

    `is_calm` says that nothing came for so long that what has ended counts as ended.
    """
    leader, folded, (others, over) = past.leader or carrier, past.fold(), past.linked_services
    outcome = _outcome(leader)
    ended = not folded.firing and not others and not over and is_calm
    count = max(folded.count + others.total(), carrier.merged_alerts + 1)
    over_after = span(max(past.last_at - _began(leader), timedelta()))
    headline = (
        f"resolved after {over_after}: all its alerts have ended" if ended else f"{_alerts(count)} since its brief"
    )
    moment = f"{past.last_at:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"Nothing fires since {moment}. Nothing to do now." if ended else f"The last alert came at {moment}."]
    if others:
        lines.append(f"Other services that fail by the same cause: {_counted(others, MAX_ROWS, 'services')}.")
    if over:
        ended_too = _counted(Counter(over), MAX_ROWS, "services")
        lines.append(f"Of the other services by the same cause, all alerts have ended: {ended_too}.")
    if folded.new:
        lines.append(f"Not in the brief: {_counted(folded.new)}.")
    if folded.again:
        times = "once" if folded.again == 1 else f"{folded.again} times"
        lines.append(f"Alerts that had fired before fired again {times}.")
    if not ended:
        rules = {one.key: one.rule for one in (*past.before, *map(event_of, past.held))}
        firing = _counted(Counter(rules.get(key, "") for key in folded.firing))
        lines.append(f"Still firing: {firing or 'none'}. No second investigation was started.")
    drafted, pr_url = _drafted(leader.pull_request) if ended else ("", "")
    lines += [drafted] if drafted else []
    lines.append(f"Incident {leader.incident_id}; this update is {carrier.incident_id}.")
    first = (outcome.merged_into if outcome and outcome.kind == "merged" else None) or leader.incident_id
    return HeldMessage(
        kind="resolved" if ended else "update",
        incident_id=carrier.incident_id,
        service_name=leader.service_name,
        headline=headline,
        lines=tuple(lines),
        thread=first,
        about=leader.incident_id if outcome and outcome.linked_to else first,
        thread_subject=outcome.subject if outcome else "",
        since=carrier.created_at.isoformat(),
        pr_url=pr_url,
    )


def _began(leader: IncidentRecord) -> datetime:
    """Return when the first alert began to fire; when it arrived, where its sender did not say."""
    try:
        return clock.to_utc(datetime.fromisoformat(str(leader.alert.get("started_at"))))
    except ValueError:
        return leader.created_at


def _drafted(drafted: PullRequestRecord | None) -> tuple[str, str]:
    """Return what became of the pull request, and its address; both empty without one."""
    if drafted is None:
        return "", ""
    if drafted.state == "awaiting_approval":
        return "A pull request still awaits approval: its page is in the brief.", ""
    if drafted.url is None or drafted.state not in _STATES:
        return "", ""
    return f"Pull request #{drafted.number} {_STATES[drafted.state]}.", drafted.url


def list_of(carrier: IncidentRecord, hold: Hold, members: Sequence[IncidentRecord], subject: str) -> HeldMessage:
    """Return the list of what a brake holds, with how to release it, or of what a maintenance window held."""
    is_brake = hold.reason == "brake"
    waiting = sum(one.state == "held" for one in members)
    rows = [_row(one) for one in sorted(members, key=lambda one: (one.state != "held", one.service_name))]
    listed = rows[:MAX_ROWS] + ([f"and {len(rows) - MAX_ROWS} more"] if len(rows) > MAX_ROWS else [])
    if is_brake:
        headline = f"{hold.name} is reached; {_alerts(len(members))} stopped by it, {waiting} held now"
        advice = (
            "What is held is investigated once earlier investigations are an hour old, the most severe first; what "
            f"finds no place within two hours is not investigated by itself. To release it now, raise {hold.name} and "
            "deploy workflow_starter and incident_sweeper: each is tried again within ten minutes."
        )
    else:
        headline = f"{_alerts(len(members))} during the maintenance window {hold.name}"
        advice = "What still fired when the window ended is investigated now, in a brief of its own."
    return HeldMessage(
        kind="umbrella" if is_brake else "maintenance",
        incident_id=carrier.incident_id,
        service_name="Incident CoPilot",
        headline=headline,
        lines=("\n".join(listed), advice, f"Since {hold.since:%Y-%m-%d %H:%M:%S} UTC. Id: {carrier.incident_id}."),
        thread=hold.follows or carrier.incident_id,
        about=hold.follows or carrier.incident_id,
        thread_subject=subject,
        since=hold.since.isoformat(),
    )


def _row(member: IncidentRecord) -> str:
    labels = member.alert.get("labels")
    severity = str(labels.get("severity") or "") if isinstance(labels, dict) else ""
    rule = str(member.alert.get("alert_name") or "no rule named")
    more = f", {member.merged_alerts} more alerts" if member.merged_alerts else ""
    outcome = _outcome(member)
    state = "held" if member.state == "held" else "investigation runs"
    if outcome is not None:
        state = "ended meanwhile" if outcome.kind in ("merged", "resolved") else "investigated, see its brief"
    return clip(f"{member.service_name}: {rule}{f' ({severity})' if severity else ''}{more}: {state}", 300)


def _outcome(record: IncidentRecord) -> Outcome | None:
    try:
        return Outcome.model_validate(record.outcome) if record.outcome else None
    except ValidationError:
        return None


def _alerts(count: int) -> str:
    return "1 alert" if count == 1 else f"{count} alerts"


def _counted(names: Counter[str], most: int = MAX_RULES, what: str = "rules") -> str:
    named = [(clip(name, 120) or "no rule named", times) for name, times in names.most_common(most)]
    listed = ", ".join(f"{name} ({times} times)" if times > 1 else name for name, times in named)
    return listed + (f" and {len(names) - most} more {what}" if len(names) > most else "")
