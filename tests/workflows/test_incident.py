"""The real workflow on the local engine, its functions scripted over real HTTP: each way through it once."""

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
from shared.contracts import PostProcessRequest
from tests.builders import an_alert

WORKFLOW = engine.load((bundle.ROOT / "workflows" / "incident.workflows.yaml").read_text())
ARGUMENT = {"alert": {"incident_id": "inc-1", "service_name": "checkout-api"}}
AGENTS = ("incident_detection", "rca", "suggestion", "code_analyzer", "solution_generator", "file_updater",
          "pr_creator", "post_process")  # fmt: skip
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
    """Every function behind one door, answering by script; keeps what each was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = dict(GOOD)
        self.statuses: dict[str, list[int]] = {}
        self.asked: list[tuple[str, Any]] = []
        self.together = threading.Barrier(3, timeout=5)
        self.is_parallel_checked = False
        functions = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                name = self.path.strip("/")
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                functions.asked.append((name, body))
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

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Door)

    def run(self) -> Any:
        """Run one execution to its end."""
        root = f"http://127.0.0.1:{self.http.server_port}"
        return engine.run(WORKFLOW, ARGUMENT, environment={name: f"{root}/{name}" for name in AGENTS}, time_scale=0.001)

    def told(self) -> Any:
        """Return what post_process was asked."""
        return next(body for name, body in self.asked if name == "post_process")

    def names(self) -> set[str]:
        """Return the functions that were asked."""
        return {name for name, _ in self.asked}


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


def test_full_path_asks_every_function_once_and_returns_the_outcome(functions) -> None:
    """Detection, three analyses, solution, branch, pull request, brief."""
    assert functions.run() == {"kind": "full"}
    assert Counter(name for name, _ in functions.asked) == dict.fromkeys(AGENTS, 1)
    assert functions.told()["pull_request"] == GOOD["pr_creator"]
    assert set(functions.told()["failures"]) == {None}


def test_three_analyses_run_at_the_same_time(functions) -> None:
    """None of rca, suggestion and code_analyzer answers before all three were asked."""
    functions.is_parallel_checked = True

    functions.run()

    assert not functions.together.broken


def test_dismissed_alert_goes_straight_to_the_brief(functions) -> None:
    """No response needed: the digest is told and nothing else is asked."""
    functions.answers["incident_detection"] = {"needs_response": False, "looks_like_regression": False}

    functions.run()

    assert functions.names() == {"incident_detection", "post_process"}
    assert functions.told()["incident"] == functions.answers["incident_detection"]


def test_incident_that_is_no_regression_leaves_the_code_alone(functions) -> None:
    """The expensive reading of code stays behind its guard."""
    functions.answers["incident_detection"] = {"needs_response": True, "looks_like_regression": False}
    functions.answers["solution_generator"] = {"has_patch": False}

    functions.run()

    assert functions.names() == {"incident_detection", "rca", "suggestion", "solution_generator", "post_process"}
    assert functions.told()["code_analysis"] is None


def test_refused_branch_opens_no_pull_request(functions) -> None:
    """Without a branch there is nothing to propose, and the brief holds the refusal."""
    functions.answers["file_updater"] = {"status": "refused", "is_ready": False}

    functions.run()

    assert "pr_creator" not in functions.names()
    assert functions.told()["branch"]["status"] == "refused"


@pytest.mark.parametrize("name", [name for name in AGENTS if name != "post_process"])
def test_function_that_keeps_failing_is_named_and_the_brief_still_goes_out(functions, name: str) -> None:
    """Whatever fails, humans are told, and told what failed."""
    functions.statuses[name] = [500] * 10

    assert functions.run() == {"kind": "full"}
    failures = [failure for failure in functions.told()["failures"] if failure]
    assert [failure["step"] for failure in failures] == [name]
    assert failures[0]["error"]["body"]["message"] == f"{name} answers 500"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_trouble_is_retried_and_forgotten(functions, status: int) -> None:
    """One bad moment is nobody's business."""
    functions.statuses["rca"] = [status, status]

    functions.run()

    assert Counter(name for name, _ in functions.asked)["rca"] == 3
    assert set(functions.told()["failures"]) == {None}


@pytest.mark.parametrize("status", [400, 424, 500])
def test_trouble_that_would_repeat_is_not_retried(functions, status: int) -> None:
    """A broken contract, a refusal or a missing setting is not mended by asking again."""
    functions.statuses["rca"] = [status, status]

    functions.run()

    assert Counter(name for name, _ in functions.asked)["rca"] == 1


def test_brief_goes_out_before_anybody_approves(functions) -> None:
    """A pull request that waits for a person keeps nobody waiting; unanswered, nothing more is asked or told."""
    functions.answers["file_updater"] = {"status": "awaiting_approval", "is_ready": False, "awaits_approval": True}
    waiting = {"status": "awaiting_approval", "awaits_approval": True, "approve_within_s": 0}
    functions.answers["pr_creator"] = waiting

    assert functions.run() == {"kind": "full"}
    assert Counter(name for name, _ in functions.asked) == dict.fromkeys(AGENTS, 1)
    asked = next(body for name, body in functions.asked if name == "pr_creator")
    assert asked["callback_url"].startswith("http")
    assert functions.told()["pull_request"] == waiting
    assert "is_approved" not in functions.told()


def test_failed_request_for_approval_is_not_waited_for(functions) -> None:
    """Nobody got a link, so nobody will answer."""
    functions.answers["file_updater"] = {"status": "awaiting_approval", "is_ready": False, "awaits_approval": True}
    functions.statuses["pr_creator"] = [500]

    assert functions.run() == {"kind": "full"}
    assert [failure["step"] for failure in functions.told()["failures"] if failure] == ["pr_creator"]


def test_brief_that_cannot_be_told_fails_the_execution(functions) -> None:
    """When nobody was told the execution must not look well."""
    functions.statuses["post_process"] = [500] * 10

    with pytest.raises(WorkflowError):
        functions.run()


def test_failures_as_the_workflow_sends_them_are_read_by_the_contract(functions) -> None:
    """Workflows' own error map becomes a failure with a step, a type and a message."""

    functions.statuses["rca"] = [424]
    functions.run()

    sent = {"alert": an_alert().model_dump(mode="json"), "failures": functions.told()["failures"]}
    (failure,) = PostProcessRequest.model_validate(sent).failures
    assert (failure.step, failure.error_type, failure.message) == ("rca", "Scripted", "rca answers 424")
