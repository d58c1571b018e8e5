"""The real workflow on the local engine, with scripted functions over real HTTP: each path through it once."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra import bundle
from infra.local import engine
from infra.local.engine import WorkflowError
from infra.workflow_checks.contracts import read
from shared.contracts import PostProcessRequest
from tests.builders import an_alert

WORKFLOW = engine.load((bundle.ROOT / "workflows" / "incident.workflows.yaml").read_text())
ARGUMENT = {"alert": {"incident_id": "inc-1", "service_name": "checkout-api"}}
AGENTS = tuple(read(bundle.FUNCTIONS).requests)
"""Every function that takes a request of the workflow, so that a new one cannot be forgotten in it."""
GOOD: dict[str, Any] = {
    "incident_detection": {"needs_response": True, "looks_like_regression": True},
    "rca": {"most_likely": "a divisor is zero"},
    "suggestion": {"recommended_action": "roll back"},
    "code_analyzer": {"code_available": True},
    "solution_generator": {"has_patch": True},
    "file_updater": {"status": "success", "is_ready": True},
    "pr_creator": {"status": "success", "pr_number": 7},
    "post_process": {"kind": "full"},
}


class Functions:
    """All functions behind one HTTP server, with scripted answers; keeps the calls of each."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = dict(GOOD)
        self.statuses: dict[str, list[int]] = {}
        self.calls: list[tuple[str, Any]] = []
        self.together = threading.Barrier(3, timeout=5)
        self.is_parallel_checked = False
        functions = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                name = self.path.strip("/")
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                functions.calls.append((name, body))
                if functions.is_parallel_checked and name in ("rca", "suggestion", "code_analyzer"):
                    functions.together.wait()
                status = functions.statuses[name].pop(0) if functions.statuses.get(name) else 200
                failure = {"error_type": "Scripted", "message": f"{name} answers {status}"}
                self.reply(status, functions.answers[name] if status == 200 else failure)

            def reply(self, status: int, answer: Any) -> None:
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args: object) -> None:
                """Stay quiet."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def run(self) -> Any:
        """Run one execution to its end."""
        root = f"http://127.0.0.1:{self.http.server_port}"
        return engine.run(WORKFLOW, ARGUMENT, environment={name: f"{root}/{name}" for name in AGENTS}, time_scale=0.001)

    def published(self) -> Any:
        """Return what post_process received."""
        return next(body for name, body in self.calls if name == "post_process")

    def names(self) -> set[str]:
        """Return the functions that were called."""
        return {name for name, _ in self.calls}


@pytest.fixture
def functions() -> Iterator[Functions]:
    """The scripted functions, listening on loopback."""
    scripted = Functions()
    thread = threading.Thread(target=scripted.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield scripted
    scripted.http.shutdown()
    thread.join()
    scripted.http.server_close()


def test_full_path_calls_every_function_once_and_returns_the_outcome(functions) -> None:
    """Detection, three analyses, solution, branch, pull request, brief."""
    assert functions.run() == {"kind": "full"}
    assert Counter(name for name, _ in functions.calls) == dict.fromkeys(AGENTS, 1)
    assert functions.published()["pull_request"] == GOOD["pr_creator"]
    assert set(functions.published()["failures"]) == {None}


def test_three_analyses_run_at_the_same_time(functions) -> None:
    """None of rca, suggestion and code_analyzer answers before all three were called."""
    functions.is_parallel_checked = True

    functions.run()

    assert not functions.together.broken


def test_dismissed_alert_goes_straight_to_the_brief(functions) -> None:
    """No response needed: the brief is published and nothing else is called."""
    functions.answers["incident_detection"] = {"needs_response": False, "looks_like_regression": False}

    functions.run()

    assert functions.names() == {"incident_detection", "post_process"}
    assert functions.published()["incident"] == functions.answers["incident_detection"]


def test_incident_that_is_no_regression_leaves_the_code_alone(functions) -> None:
    """Reading code is expensive, so only a likely regression starts it."""
    functions.answers["incident_detection"] = {"needs_response": True, "looks_like_regression": False}
    functions.answers["solution_generator"] = {"has_patch": False}

    functions.run()

    assert functions.names() == {"incident_detection", "rca", "suggestion", "solution_generator", "post_process"}
    assert functions.published()["code_analysis"] is None


def test_refused_branch_opens_no_pull_request(functions) -> None:
    """Without a branch there is nothing to propose, and the brief holds the refusal."""
    functions.answers["file_updater"] = {"status": "refused", "is_ready": False}

    functions.run()

    assert "pr_creator" not in functions.names()
    assert functions.published()["branch"]["status"] == "refused"


@pytest.mark.parametrize("name", [name for name in AGENTS if name != "post_process"])
def test_function_that_keeps_failing_is_named_and_the_brief_still_goes_out(functions, name: str) -> None:
    """Whatever fails, people get the brief, and it says what failed."""
    functions.statuses[name] = [500] * 10

    assert functions.run() == {"kind": "full"}
    failures = [failure for failure in functions.published()["failures"] if failure]
    assert [failure["step"] for failure in failures] == [name]
    assert failures[0]["error"]["body"]["message"] == f"{name} answers 500"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_transient_error_is_retried_and_not_reported(functions, status: int) -> None:
    """An error that a retry solves is not in the brief."""
    functions.statuses["rca"] = [status, status]

    functions.run()

    assert Counter(name for name, _ in functions.calls)["rca"] == 3
    assert set(functions.published()["failures"]) == {None}


@pytest.mark.parametrize("status", [400, 424, 500])
def test_error_that_would_repeat_is_not_retried(functions, status: int) -> None:
    """A broken contract, a refusal or a missing setting is not fixed by calling again."""
    functions.statuses["rca"] = [status, status]

    functions.run()

    assert Counter(name for name, _ in functions.calls)["rca"] == 1


def test_brief_goes_out_before_the_approval(functions) -> None:
    """The brief does not wait for the approval; without one nothing more is called or published."""
    functions.answers["file_updater"] = {"status": "awaiting_approval", "is_ready": False, "awaits_approval": True}
    waiting = {"status": "awaiting_approval", "awaits_approval": True, "approve_within_s": 0}
    functions.answers["pr_creator"] = waiting

    assert functions.run() == {"kind": "full"}
    assert Counter(name for name, _ in functions.calls) == dict.fromkeys(AGENTS, 1)
    request = next(body for name, body in functions.calls if name == "pr_creator")
    assert request["callback_url"].startswith("http")
    assert functions.published()["pull_request"] == waiting
    assert "is_approved" not in functions.published()


def test_failed_request_for_approval_is_not_waited_for(functions) -> None:
    """No link was sent, so no answer can come."""
    functions.answers["file_updater"] = {"status": "awaiting_approval", "is_ready": False, "awaits_approval": True}
    functions.statuses["pr_creator"] = [500]

    assert functions.run() == {"kind": "full"}
    assert [failure["step"] for failure in functions.published()["failures"] if failure] == ["pr_creator"]


def test_brief_that_cannot_be_published_fails_the_execution(functions) -> None:
    """An execution that published nothing must not look successful."""
    functions.statuses["post_process"] = [500] * 10

    with pytest.raises(WorkflowError):
        functions.run()


def test_failures_as_the_workflow_sends_them_are_read_by_the_contract(functions) -> None:
    """Workflows' own error map becomes a failure with a step, a type and a message."""

    functions.statuses["rca"] = [424]
    functions.run()

    sent = {"alert": an_alert().model_dump(mode="json"), "failures": functions.published()["failures"]}
    (failure,) = PostProcessRequest.model_validate(sent).failures
    assert (failure.step, failure.error_type, failure.message) == ("rca", "Scripted", "rca answers 424")
