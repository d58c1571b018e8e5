"""A step that comes late: what it would write is not in the brief any more, so it writes nothing."""

from datetime import timedelta
from typing import Any

import pytest

from functions.file_updater.main import file_updater
from functions.file_updater.patch_plan import plan
from functions.pr_creator.main import pr_creator
from functions.pr_creator.pr_text import pr_body
from shared import clock, traces
from shared.traces.port import IncidentState
from tests.functions.pull_requests.conftest import (
    WritingSteps,
    approve,
    incident,
    pull_request_request,
    status_of,
    update_request,
)

SLOW_PLAN = "functions.file_updater.write_branch.plan"
STATES: tuple[IncidentState, ...] = ("closed", "undelivered")


def end(incident_id: str, state: IncidentState) -> None:
    """Publish the incident without this step, or leave its brief undelivered."""
    store = traces.connect()
    (store.close_incident if state == "closed" else store.leave_undelivered)(incident_id, {"kind": "degraded"})


@pytest.mark.parametrize("state", STATES)
def test_step_called_after_the_brief_writes_nothing(steps: WritingSteps, state: IncidentState) -> None:
    """Neither a branch nor a pull request; the answer says why."""
    alert = incident()
    branch = steps.update(update_request(alert))
    end(alert.incident_id, state)
    late = incident(2)
    end(late.incident_id, state)

    answers = [
        status_of(pr_creator, pull_request_request(alert, branch)),
        status_of(file_updater, update_request(late)),
    ]

    assert [(status, body["error_type"]) for status, body in answers] == [(424, "Refused")] * 2
    assert all("brief" in body["message"] for _, body in answers)
    assert (len(steps.branches()), steps.pulls()) == (1, [])


@pytest.mark.parametrize("state", STATES)
def test_step_that_hangs_until_after_the_brief_writes_nothing(
    steps: WritingSteps, monkeypatch: pytest.MonkeyPatch, state: IncidentState
) -> None:
    """The brief goes out while the step reads: its last look before writing sees that."""
    alert = incident()

    def slow_plan(*arguments: Any) -> Any:
        planned = plan(*arguments)
        end(alert.incident_id, state)
        return planned

    monkeypatch.setattr(SLOW_PLAN, slow_plan)
    assert status_of(file_updater, update_request(alert))[0] == 424
    assert steps.branches() == []

    monkeypatch.setattr(SLOW_PLAN, plan)
    other = incident(2)
    branch = steps.update(update_request(other))

    def slow_body(request: Any) -> str:
        end(other.incident_id, state)
        return pr_body(request)

    monkeypatch.setattr("functions.pr_creator.open_pull_request.pr_body", slow_body)
    assert status_of(pr_creator, pull_request_request(other, branch))[0] == 424
    assert steps.pulls() == []


def test_answer_given_before_the_brief_is_repeated_after_it(steps: WritingSteps) -> None:
    """A call that comes twice learns what was written, not that it is too late."""
    alert = incident()
    branch = steps.update(update_request(alert))
    end(alert.incident_id, "closed")

    assert steps.update(update_request(alert)) == branch


def test_approved_change_is_written_after_the_brief(steps: WritingSteps, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the brief asked for it."""
    monkeypatch.setenv("PR_MODE", "approval")
    alert = incident()
    diff = traces.connect().text(steps.update(update_request(alert)).diff_ref or "") or ""
    approve(alert, diff)
    end(alert.incident_id, "closed")

    branch = steps.update(update_request(alert, is_approved=True))
    pull = steps.create(pull_request_request(alert, branch, is_approved=True))

    assert (branch.status, pull.status) == ("success", "success")


@pytest.mark.parametrize("state", ["open", "closed"])
def test_call_that_only_says_that_it_is_approved_writes_nothing(steps: WritingSteps, state: IncidentState) -> None:
    """Who may call the step says what he likes; the approval is in the trace."""
    alert = incident()
    end(alert.incident_id, state)

    answer = steps.update(update_request(alert, is_approved=True))

    assert (answer.status, answer.message) == ("refused", "Nobody approved the pull request")
    assert steps.branches() == []


def test_step_that_comes_while_a_channel_is_sent_to_writes_nothing(steps: WritingSteps) -> None:
    """The hook has the brief by then, and the incident is still open."""
    alert = incident()
    traces.connect().claim(f"hook:{alert.incident_id}", "post_process", clock.now() + timedelta(minutes=1))

    assert status_of(file_updater, update_request(alert))[0] == 424
    assert steps.branches() == []
