"""A bug never silences: whatever is raised while a brief is made, people learn of the alert."""

import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.post_process import main
from infra import bundle
from shared import outbox, traces
from shared.contracts import Outcome, PostProcessRequest
from shared.outbox.last_message import LastMessage, brief_message_id
from shared.outbox.mail.compose import compose
from shared.outbox.port import Mail, MailSent
from tests.builders import a_record
from tests.functions import post_process_requests as requests

PATH = (bundle.FUNCTIONS / "post_process", bundle.ROOT / "shared" / "outbox")
GUARDS = {"post_process", "publish_last", "deliver_all", "_deliver", "failure_of", "send_mail_last", "call_hook_last"}
GUARDS |= {"receivers", "hook_of", "configured"}
GUARDS |= {"_last_message", "once", "deliver", "attempt", "_act", "_claim", "_release", "__init__", "_measure", "sent"}
GUARDS |= {"outcome", "close", "_status", "mail", "payload", "headline", "_plain", "brief_message_id", "_already_done"}
"""What the last message itself needs: while one of these is broken, incident_sweeper sends it."""
SAMPLED = 10
"""Every so many of the lines; all of them take minutes."""

work: Callable[[PostProcessRequest], Outcome] = inspect.unwrap(main.post_process)


class People:
    """Who gets mails and calls: composes each mail as Gmail would, and keeps both."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.calls: list[dict[str, Any]] = []

    def send(self, mail: Mail) -> MailSent:
        """Keep the mail."""
        compose(mail, "copilot@example.com")
        self.mails.append(mail)
        return MailSent(f"m{len(self.mails)}")

    def call(self, payload: dict[str, Any], key: str, thread: str = "") -> str:
        """Keep the call."""
        assert key == payload["incident_id"]
        self.calls.append(payload)
        return key


def reachable(monkeypatch: pytest.MonkeyPatch) -> People:
    """Return people whom the function reaches instead of the channels of the settings."""
    reached = People()
    monkeypatch.setattr(outbox, "connect_mail", lambda: reached)
    monkeypatch.setattr(outbox, "connect_hook", lambda: reached)
    monkeypatch.setenv("ON_CALL_ENGINEERS", "ada@example.com")
    return reached


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> People:
    """People who can be reached by mail and hook."""
    return reachable(monkeypatch)


def publish(request: PostProcessRequest, number: int) -> Outcome:
    """Publish the request as an incident of its own."""
    alert = request.alert.replace(incident_id=f"inc-20260314-{number:06d}", service_name=f"service-{number}")
    traces.connect().open_incident(a_record(alert))
    # By one suspect commit they would be incidents of one cause.
    code = request.code_analysis and request.code_analysis.replace(repo=f"acme/shop-{number}")
    return work(request.replace(alert=alert, code_analysis=code))


@contextmanager
def traced(at_line: Callable[[Path, FrameType], None]) -> Iterator[None]:
    """Call `at_line` before each line of the publishing path that is run."""
    names: dict[str, Path | None] = {}

    def place(frame: FrameType) -> Path | None:
        name = frame.f_code.co_filename
        if name not in names:
            path = Path(name)
            names[name] = path if any(path.is_relative_to(folder) for folder in PATH) else None
        return names[name]

    def trace(frame: FrameType, event: str, _: object) -> Any:
        path = place(frame)
        if path is None:
            return None
        if event == "line":
            at_line(path, frame)
        return trace

    before = sys.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(None)  # type: ignore[arg-type]  # as the library allows


def lines_of(request: PostProcessRequest) -> list[tuple[Path, int]]:
    """Return the lines of the publishing path that this request runs, without those of the last message."""
    lines: dict[tuple[Path, int], None] = {}

    def note(path: Path, frame: FrameType) -> None:
        # Lambdas of this module are parts of `once`.
        is_guard = frame.f_code.co_name == "<lambda>" and path.name == "publisher.py"
        if frame.f_code.co_name not in GUARDS and not is_guard:
            lines[path, frame.f_lineno] = None

    with traced(note):
        publish(request, 1)
    return list(lines)


@pytest.mark.parametrize("make", [requests.full, requests.degraded, requests.hostile], ids=lambda make: make.__name__)
def test_bug_in_any_line_of_the_publishing_path_ends_in_a_message(
    people: People, make: Callable[[], PostProcessRequest]
) -> None:
    """The same line fails each time it is run, as a bug does."""
    lines = lines_of(make())
    assert len(lines) > 100

    for number, (path, line) in enumerate(lines[::SAMPLED], start=2):
        people.mails.clear()
        people.calls.clear()

        def fail(at: Path, frame: FrameType, bug: tuple[Path, int] = (path, line)) -> None:
            if (at, frame.f_lineno) == bug:
                raise ZeroDivisionError("planted")

        with traced(fail):
            outcome = publish(make(), number)

        place = f"{path.name}:{line}"
        incident_id = f"inc-20260314-{number:06d}"
        # A bug right after sending sends again; by these keys a receiver recognises the repeat.
        assert {mail.message_id for mail in people.mails} == {brief_message_id(incident_id)}, place
        assert {call["incident_id"] for call in people.calls} == {incident_id}, place
        assert outcome.mail_status in ("sent", "already_sent"), place
        assert outcome.hook_status in ("called", "already_called"), place


NUMBERS = count(10_000)
TEXTS = st.text(st.characters(codec=None), max_size=60) | st.text("=?utf-8QqBb_ÄÖ\ud800‮\x00\n<>&* `", max_size=60)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_text_of_any_kind_is_published(people: People, text: str) -> None:
    """In the alert, in symptoms, evidence, causes and advice, as anyone who writes a log line can bring it there."""
    people.mails.clear()
    whole = requests.full()
    assert whole.incident is not None
    assert whole.root_causes is not None
    assert whole.suggestions is not None
    cause, advice = whole.root_causes.root_causes[0], whole.suggestions.suggestions[0]
    evidence = [one.replace(text=text) for one in whole.incident.evidence]
    request = whole.replace(
        alert=whole.alert.replace(summary=text, alert_name=text, annotations={"x": text}),
        incident=whole.incident.replace(initial_symptoms=[text], evidence=evidence),
        root_causes=whole.root_causes.replace(most_likely=text, root_causes=[cause.replace(hypothesis=text)]),
        suggestions=whole.suggestions.replace(suggestions=[advice.replace(description=text, steps=[text])]),
    )

    outcome = publish(request, next(NUMBERS))

    assert (outcome.mail_status, outcome.hook_status) == ("sent", "called")
    assert "bug" not in " ".join(failure.message for failure in outcome.failures)


def test_last_message_is_plain_and_says_what_failed() -> None:
    """Nothing of an attacker's making is more than a question mark in it."""
    last = LastMessage("inc-1", "köche <b>", "=?utf-8?q?x?=", "KeyError: \ud800", "2026-03-14T02:50:00+00:00")

    mail, payload = last.mail(("ada@example.com",)), last.payload()

    assert mail.text.isascii()
    assert mail.html.isascii()
    assert "<b>" not in mail.html
    assert (mail.subject, payload["service_name"]) == (
        "[unknown] k?che <b>: An alert fires (?utf-8?q?x?=) and its brief could not be sent",
        "k?che <b>",
    )
    assert "What failed: KeyError: ?" in mail.text
