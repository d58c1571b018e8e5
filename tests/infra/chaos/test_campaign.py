"""A small sample of `make chaos`: nothing is lost, doubled or wrong; and the account sees what is."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.chaos import cases
from infra.chaos.campaign import Campaign
from infra.chaos.cases import Case
from infra.chaos.judge import Sent, judge
from infra.chaos.memory_use import Growth
from infra.chaos.proxy import Fault
from infra.chaos.soak import Soak
from infra.chaos.storm import StormAccount
from infra.chaos.system import System
from shared.contracts import Failure, Outcome
from shared.traces.embedded import EmbeddedTraces
from tests.builders import a_record, an_alert

SAMPLE = (
    Case("double", (Fault("gmail", "lost_reply", None, "", "/gmail"), Fault("loki", "garbage"))),
    Case("single", (Fault("post_process", "lost_reply", 1),)),
    Case("single", (Fault("pr_creator", "late"),)),
    Case("double", (Fault("gmail", "503"), Fault("hook", "503"))),
    Case("single", whole="poison"),
    Case("kills", kills=((0.2, "rca"), (0.6, "engine"))),
)
ID = an_alert().incident_id


def test_sample_of_faults_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Each of them was published, once, with true statements."""
    lines: list[str] = []
    with System(tmp_path / "system") as system:
        account = Campaign(system, lines.append).run(SAMPLE)

    assert account.is_clean, account.lines()
    assert (account.cases, account.accepted, len(lines)) == (len(SAMPLE), len(SAMPLE), len(SAMPLE))
    assert set(account.kinds) <= {"full", "degraded"}


@pytest.fixture
def store(store: EmbeddedTraces) -> EmbeddedTraces:
    """A store with one open incident."""
    store.open_incident(a_record(an_alert()))
    return store


@pytest.mark.parametrize(
    ("outcome", "got", "lost", "doubled", "wrong"),
    [
        (None, Sent(), True, 0, 0),
        (Outcome(kind="full", mail_status="sent"), Sent(mails=["brief"]), False, 0, 0),
        (Outcome(kind="full", mail_status="failed", hook_status="failed"), Sent(), True, 0, 0),
        (Outcome(kind="full", mail_status="sent"), Sent(mails=["brief", "brief"]), False, 1, 0),
        (Outcome(kind="full", mail_status="sent"), Sent(), False, 0, 1),
        (Outcome(kind="dismissed", mail_status="sent"), Sent(mails=["all is well"]), False, 0, 1),
        (Outcome(kind="full", mail_status="sent"), Sent(mails=["no pull request"], pulls=[{}]), False, 0, 1),
        (Outcome(kind="full", mail_status="sent"), Sent(mails=["see /pull/7"]), False, 0, 1),
        (Outcome(kind="merged", merged_into="inc-absent"), Sent(), True, 0, 0),
    ],
    ids=str,
)
def test_account_sees_what_is_lost_doubled_or_wrong(
    store: EmbeddedTraces, outcome: Outcome | None, got: Sent, lost: bool, doubled: int, wrong: int
) -> None:
    """A judge that finds nothing proves nothing."""
    if outcome is not None:
        store.close_incident(ID, outcome.model_dump(mode="json"))

    verdict = judge(store, ID, Case("single"), got)

    assert (verdict.is_lost, len(verdict.doubled), len(verdict.wrong)) == (lost, doubled, wrong)


def test_dependency_that_failed_and_is_not_named_is_a_wrong_statement(store: EmbeddedTraces) -> None:
    """The reader would believe that everything was read."""
    store.close_incident(ID, Outcome(kind="full", mail_status="sent").model_dump(mode="json"))
    case = Case("single", (Fault("loki", "503", hits=2),))

    assert judge(store, ID, case, Sent(mails=["all was read"])).wrong
    assert not judge(store, ID, case, Sent(mails=["Loki did not answer"])).wrong


def test_dependency_of_a_step_that_was_too_late_need_not_be_named(store: EmbeddedTraces) -> None:
    """What it met was not known yet; that the step did not answer in time must be said."""
    ended = Failure(step="incident_detection", error_type="TimeoutError, OSError", message="no answer within 7 s")
    store.close_incident(ID, Outcome(kind="degraded", mail_status="sent", failures=[ended]).model_dump(mode="json"))
    case = Case("double", (Fault("prometheus", "503", hits=2), Fault("hook", "empty", 1)))

    assert not judge(store, ID, case, Sent(mails=["incident_detection: no answer within 7 s"])).wrong


def test_matrix_is_as_large_as_promised_and_the_same_each_time() -> None:
    """At least 250 single faults; pairs and kills are drawn by their seed."""
    assert len(cases.single()) >= 250
    assert list(map(str, cases.double(100, 1))) == list(map(str, cases.double(100, 1)))
    assert list(map(str, cases.kills(40, 1))) != list(map(str, cases.kills(40, 2)))
    assert len({str(case) for case in cases.single()}) == len(cases.single())


def test_soak_fails_when_memory_or_open_files_grow() -> None:
    """By more than 5 %."""
    calm, leaky = Growth("rca", (100.0, 104.9), (40, 40)), Growth("rca", (100.0, 104.9), (40, 43))

    assert Soak(30, growth=[calm]).is_clean
    assert not Soak(30, growth=[calm, leaky]).is_clean
    assert not Soak(30, unpublished=["inc-1"]).is_clean


@pytest.mark.parametrize(
    ("change", "is_clean"),
    [
        ({}, True),
        ({"accepted": 99}, False),
        ({"unaccounted": ["inc-1"]}, False),
        ({"mails": 41}, False),
        ({"pull_requests": 2}, False),
        ({"growth": [Growth("rca", (100.0, 106.0), (40, 40))]}, False),
    ],
    ids=str,
)
def test_storm_fails_when_an_alert_is_in_no_message_or_a_bound_is_passed(
    change: dict[str, Any], is_clean: bool
) -> None:
    """Alerts that were not accepted, mails over the brake, several pull requests of one change, memory."""
    account = StormAccount(alerts=100, services=5, senders=2, accepted=100, mails=40, mail_brake=40, pull_requests=1)

    assert replace(account, **change).is_clean == is_clean
