"""Who is on call by PagerDuty's schedule, over real HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.pagerduty.server import TOKEN, PagerDutySandbox
from shared.errors import Refused, Throttled, Unavailable
from shared.outbox.schedule import MAX_BYTES, PagerDutySchedule, ScheduleSettings

ADA = {"id": "PADA", "email": "ada@example.com"}
BO = {"id": "PBO", "email": "bo@example.com"}
ELSE = {"id": "PELSE", "email": "else@example.com"}


@pytest.fixture
def sandbox() -> Iterator[PagerDutySandbox]:
    """PagerDuty on loopback: Ada is on call, then Bo; somebody else is, on another schedule."""
    on_call = [("PSCHED", 2, BO), ("PSCHED", 1, ADA), ("PSCHED", 3, ADA), ("POTHER", 1, ELSE)]
    with PagerDutySandbox(on_call=on_call) as running:
        yield running


def schedule(sandbox: PagerDutySandbox, **changes: Any) -> PagerDutySchedule:
    """The schedule, without waits between tries."""
    fields = {"pagerduty_api_token": TOKEN, "pagerduty_schedule_ids": ["PSCHED"], "pagerduty_api_url": sandbox.url}
    return PagerDutySchedule(ScheduleSettings.model_validate({**fields, **changes}), sleep=lambda _: None)


def test_whoever_is_on_the_schedule_is_reached_once(sandbox: PagerDutySandbox) -> None:
    """In the order of escalation, and nobody of another schedule."""
    assert schedule(sandbox).addresses() == ("ada@example.com", "bo@example.com")


def test_address_that_is_none_is_left_out(sandbox: PagerDutySandbox) -> None:
    """It would break the mail for the others."""
    sandbox.on_call.append(("PSCHED", 1, {"id": "PX", "email": "x\r\nBcc: evil@example.com"}))

    assert schedule(sandbox).addresses() == ("ada@example.com", "bo@example.com")


def test_nobody_on_call_is_refused(sandbox: PagerDutySandbox) -> None:
    """A gap in the schedule is an operator's mistake, which the brief names."""
    with pytest.raises(Refused, match="PEMPTY"):
        schedule(sandbox, pagerduty_schedule_ids=["PEMPTY"]).addresses()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(429), Throttled),
        (Reply(500), Unavailable),
        (Reply(302, headers={"Location": "https://evil.example"}), Refused),
        (Reply.of_text("<html>"), Unavailable),
        (Reply.of_json({"oncalls": "all"}), Unavailable),
        (Reply.of_json([]), Unavailable),
        (Reply(200, b"x" * (MAX_BYTES + 1)), Unavailable),
        (Reply(delay_s=5), Unavailable),
    ],
)
def test_schedule_that_cannot_be_read_is_an_error(
    sandbox: PagerDutySandbox, reply: Reply, error: type[Exception]
) -> None:
    """Whoever asks takes the list instead."""
    sandbox.fail_next(*[reply] * 3)

    with pytest.raises(error):
        schedule(sandbox, oncall_timeout_s=0.5).addresses()


def test_short_outage_is_waited_out(sandbox: PagerDutySandbox) -> None:
    """Reading is safe to repeat."""
    sandbox.fail_next(Reply(503), Reply(429))

    assert schedule(sandbox).addresses() == ("ada@example.com", "bo@example.com")


def test_wrong_key_is_refused_without_showing_it(sandbox: PagerDutySandbox) -> None:
    """The error quotes PagerDuty."""
    with pytest.raises(Refused, match="Invalid Authentication Provided") as caught:
        schedule(sandbox, pagerduty_api_token="wr0ng").addresses()

    assert "wr0ng" not in str(caught.value)


def test_closed_port_is_unavailable() -> None:
    """The error does not show the question."""
    fields = {"pagerduty_api_token": "t0k", "pagerduty_schedule_ids": ["P"], "pagerduty_api_url": "http://127.0.0.1:1"}

    with pytest.raises(Unavailable, match="ConnectionError"):
        PagerDutySchedule(ScheduleSettings.model_validate(fields), sleep=lambda _: None).addresses()
