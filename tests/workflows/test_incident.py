"""The real workflow on the local engine, with scripted functions over real HTTP: each path through it once."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra import bundle
from infra.local import engine
from infra.local.engine import WorkflowError
from infra.workflow_checks.contracts import read
from shared.contracts import Failure, StepCall
from shared.log import request_trace
from tests.builders import an_alert
from tests.step_calls import signed

WORKFLOW = engine.load((bundle.ROOT / "workflows" / "incident.workflows.yaml").read_text())
ARGUMENT = {"alert": {"incident_id": "inc-1", "service_name": "checkout-api"}}
AGENTS = tuple(read(bundle.FUNCTIONS).requests)
"""Every function that takes a request of the workflow, so that a new one cannot be forgotten in it."""
GOOD: dict[str, Any] = {
    "incident_detection": {"needs_response": True, "looks_like_regression": True},
    "rca": {"headline": "a divisor is zero"},
    "suggestion": {"headline": "roll back"},
    "code_analyzer": {"headline": "src/cart.py:12"},
    "solution_generator": {"has_patch": True},
    "file_updater": {"is_ready": True},
    "pr_creator": {"headline": "pull request #7"},
    "post_process": {"headline": "published: full"},
}
"""The result of each step on the full path."""
READ_FIRST = {"incident_detection": 2, "code_analyzer": 2}
"""How often those are called that read before anything is judged."""
OUTCOME = {"step": "post_process", "headline": "published: full"}


class Functions:
    """All functions behind one HTTP server, with scripted answers; keeps the calls of each."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {name: {"step": name, **result} for name, result in GOOD.items()}
        self.statuses: dict[str, list[int]] = {}
        self.addresses: dict[str, str] = {}
        self.argument: dict[str, Any] = ARGUMENT
        self.message = ""
        self.calls: list[tuple[str, Any]] = []
        self.judged = threading.Event()
        self.reads_after_judgement = False
        self.traces: list[str] = []
        self.execution = "0b9d3b2e-5c5b-4b53-9a55-3c6f5e0c1a7d"
        self.together = threading.Barrier(3, timeout=5)
        self.is_parallel_checked = False
        functions = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                name = self.path.strip("/")
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                functions.calls.append((name, body))
                functions.traces.append(self.headers["traceparent"])
                stage = body.get("stage", "")
                if (name, stage) == ("incident_detection", ""):
                    functions.judged.set()
                if functions.reads_after_judgement and (name, stage) == ("code_analyzer", "read"):
                    functions.judged.wait(5)
                if functions.is_parallel_checked and name in ("rca", "suggestion", "code_analyzer") and not stage:
                    functions.together.wait()
                status = functions.statuses[name].pop(0) if functions.statuses.get(name) else 200
                failure = {"error_type": "Scripted", "message": functions.message or f"{name} answers {status}"}
                self.reply(status, functions.results[name] if status == 200 else failure)

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

    def run(self, workflow: Any = WORKFLOW, **options: Any) -> Any:
        """Run one execution to its end."""
        root = f"http://127.0.0.1:{self.http.server_port}"
        environment = {name: f"{root}/{name}" for name in AGENTS} | self.addresses
        environment["GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID"] = self.execution
        return engine.run(workflow, self.argument, environment=environment, time_scale=0.001, **options)

    def published(self) -> Any:
        """Return what post_process received."""
        return self.received("post_process")

    def received(self, name: str) -> Any:
        """Return what a function received first."""
        return next(body for called, body in self.calls if called == name)

    def results_published(self) -> dict[str, Any]:
        """Return the results that post_process received, by their steps."""
        return {result["step"]: result for result in self.published()["results"] if result}

    def failures(self) -> list[Any]:
        """Return the failures that post_process received."""
        return [result["failure"] for result in self.results_published().values() if "failure" in result]

    def names(self) -> set[str]:
        """Return the functions that were called."""
        return {name for name, _ in self.calls}


@contextmanager
def serving() -> Iterator[Functions]:
    """The scripted functions, listening on loopback while the block runs."""
    scripted = Functions()
    thread = threading.Thread(target=scripted.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield scripted
    finally:
        scripted.http.shutdown()
        thread.join()
        scripted.http.server_close()


@pytest.fixture
def functions() -> Iterator[Functions]:
    """The scripted functions, all successful."""
    with serving() as scripted:
        yield scripted


def test_full_path_calls_every_function_and_returns_the_outcome(functions) -> None:
    """Reading, judging, three analyses, solution, branch, pull request, brief; each call names the incident."""
    assert functions.run() == OUTCOME
    assert Counter(name for name, _ in functions.calls) == dict.fromkeys(AGENTS, 1) | READ_FIRST
    for reader in READ_FIRST:
        assert [body.get("stage", "") for name, body in functions.calls if name == reader] == ["read", ""]
    assert all(body["incident"] == ARGUMENT["alert"] for _, body in functions.calls)


@pytest.mark.parametrize(
    ("execution", "trace"),
    [("0b9d3b2e-5c5b-4b53-9a55-3c6f5e0c1a7d", "0b9d3b2e5c5b4b539a553c6f5e0c1a7d"), ("7", None), ("", None)],
)
def test_calls_of_one_execution_are_one_trace(functions, execution: str, trace: str | None) -> None:
    """Cloud Trace and Logs Explorer show all steps together; an id that makes no trace stops no step."""
    functions.execution = execution

    assert functions.run() == OUTCOME
    read = {request_trace.read(header, "") for header in functions.traces}
    assert {each and each.trace_id for each in read} == {trace}
    assert functions.results_published() == {
        name: result for name, result in functions.results.items() if name != "post_process"
    }
    assert functions.failures() == []


def test_code_is_read_while_the_telemetry_is_judged(functions) -> None:
    """Reading needs the facts alone: the judgement is asked for before the code is read."""
    functions.reads_after_judgement = True

    assert functions.run() == OUTCOME
    assert functions.judged.is_set()
    assert [result and result["step"] for result in functions.received("code_analyzer")["results"]] == [
        "incident_detection"
    ]


@pytest.mark.parametrize("status", [400, 500])
def test_code_that_was_not_read_early_is_read_by_the_analysis(functions, status: int) -> None:
    """The brief names no failure: what comes after reads for itself."""
    functions.statuses["code_analyzer"] = [status]

    assert functions.run() == OUTCOME
    assert Counter(name for name, _ in functions.calls)["code_analyzer"] == 2
    assert functions.failures() == []


def test_code_is_not_read_early_where_nothing_points_to_it(functions) -> None:
    """Each read costs the code host some forty requests."""
    functions.results["incident_detection"]["looks_like_regression"] = False

    functions.run()

    assert "code_analyzer" not in functions.names()


def test_facts_reach_people_before_anything_is_judged(functions) -> None:
    """The early brief has the facts alone; what comes after it waits for it, and carries the facts no further."""
    functions.results["incident_detection"]["sends_early"] = True

    functions.run()

    stages = [(name, body.get("stage", "")) for name, body in functions.calls if name != "code_analyzer"]
    assert stages[:3] == [("incident_detection", "read"), ("post_process", "early"), ("incident_detection", "")]
    assert stages[-1] == ("post_process", "")
    early = functions.published()["results"]
    assert [result["step"] for result in early] == ["incident_detection"]
    assert all(
        len(list(filter(None, body["results"]))) == 1 for name, body in functions.calls if name in ("rca", "suggestion")
    )


def test_early_brief_that_fails_stops_nothing(functions) -> None:
    """The brief follows as if nobody had tried."""
    functions.results["incident_detection"]["sends_early"] = True
    functions.statuses["post_process"] = [400]

    assert functions.run() == OUTCOME
    assert [body.get("stage", "") for name, body in functions.calls if name == "post_process"] == ["early", ""]


def test_facts_stand_where_nobody_could_judge(functions) -> None:
    """What the rules made of them decides, and the brief names the failure."""
    functions.statuses["incident_detection"] = [200, 400]

    assert functions.run() == OUTCOME
    assert functions.names() == set(AGENTS)
    read, failed = functions.received("rca")["results"]
    assert (read["step"], failed["failure"]["step"]) == ("incident_detection", "incident_detection")


def test_every_call_follows_the_contract(functions) -> None:
    """What the workflow sends is what the steps parse."""
    functions.run()

    for _, body in functions.calls:
        call = StepCall.model_validate({**body, "incident": signed(an_alert()).model_dump(mode="json")})
        assert len(call.results) == len([result for result in body.get("results", []) if result])


def test_step_gets_the_results_of_the_steps_it_rests_on(functions) -> None:
    """So that an answer which could not be stored reaches those who need it."""
    functions.results["rca"]["digest"] = {"most_likely": "kept"}

    functions.run()

    read = {name: [result["step"] for result in body.get("results", []) if result] for name, body in functions.calls}
    assert read["rca"] == read["suggestion"] == read["code_analyzer"] == ["incident_detection"]
    assert read["solution_generator"] == ["incident_detection", "rca", "suggestion", "code_analyzer"]
    (root_causes,) = [
        one for one in functions.received("solution_generator")["results"] if one and one["step"] == "rca"
    ]
    assert root_causes["digest"] == {"most_likely": "kept"}


def test_three_analyses_run_at_the_same_time(functions) -> None:
    """None of rca, suggestion and code_analyzer answers before all three were called."""
    functions.is_parallel_checked = True

    functions.run()

    assert not functions.together.broken


def test_test_alert_is_answered_and_not_investigated(functions) -> None:
    """Grafana's Test button: there is nothing to read."""
    functions.argument = {"alert": {**ARGUMENT["alert"], "is_test": True}}

    functions.run()

    assert functions.names() == {"post_process"}
    assert functions.results_published() == {}


def test_dismissed_alert_goes_straight_to_the_brief(functions) -> None:
    """No response needed: the brief is published and nothing else is called."""
    functions.results["incident_detection"] = {"step": "incident_detection", "headline": "no response needed"}

    functions.run()

    assert functions.names() == {"incident_detection", "post_process"}
    assert functions.results_published() == {"incident_detection": functions.results["incident_detection"]}


def test_incident_that_is_no_regression_leaves_the_code_alone(functions) -> None:
    """Reading code is expensive, so only a likely regression starts it."""
    del functions.results["incident_detection"]["looks_like_regression"]
    del functions.results["solution_generator"]["has_patch"]

    functions.run()

    assert functions.names() == {"incident_detection", "rca", "suggestion", "solution_generator", "post_process"}


def test_refused_branch_opens_no_pull_request(functions) -> None:
    """Without a branch there is nothing to propose, and the brief learns of the refusal."""
    functions.results["file_updater"] = {"step": "file_updater", "headline": "no branch, refused"}

    functions.run()

    assert "pr_creator" not in functions.names()
    assert functions.results_published()["file_updater"]["headline"] == "no branch, refused"


@pytest.mark.parametrize("name", [name for name in AGENTS if name != "post_process"])
def test_function_that_keeps_failing_is_named_and_the_brief_still_goes_out(functions, name: str) -> None:
    """Whatever fails, people get the brief, and it says what failed: of the error only what the brief says."""
    functions.statuses[name] = [500] * 10

    assert functions.run() == OUTCOME
    (failure,) = functions.failures()
    assert failure["tags"] == ["HttpError"]
    assert {key: value for key, value in failure.items() if key != "tags"} == {
        "step": name,
        "code": 500,
        "error_type": "Scripted",
        "message": f"{name} answers 500",
    }


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_transient_error_is_retried_and_not_reported(functions, status: int) -> None:
    """An error that a retry solves is not in the brief."""
    functions.statuses["rca"] = [status, status]

    functions.run()

    assert Counter(name for name, _ in functions.calls)["rca"] == 3
    assert functions.failures() == []


@pytest.mark.parametrize("status", [400, 424, 500])
def test_error_that_would_repeat_is_not_retried(functions, status: int) -> None:
    """A broken contract, a refusal or a missing setting is not fixed by calling again."""
    functions.statuses["rca"] = [status, status]

    functions.run()

    assert Counter(name for name, _ in functions.calls)["rca"] == 1


def test_brief_goes_out_before_the_approval(functions) -> None:
    """The brief does not wait for the approval; what comes after it is word that nobody approved."""
    functions.results["file_updater"] = {"step": "file_updater", "awaits_approval": True}
    functions.results["pr_creator"] = {"step": "pr_creator", "awaits_approval": True, "approve_within_s": 0}

    assert functions.run() == OUTCOME
    assert Counter(name for name, _ in functions.calls) == dict.fromkeys(AGENTS, 1) | READ_FIRST | {"post_process": 2}
    assert functions.received("pr_creator")["callback_url"].startswith("http")
    assert functions.results_published()["pr_creator"] == functions.results["pr_creator"]
    assert functions.published().get("stage", "") == ""


def test_people_learn_that_nobody_approved(functions) -> None:
    """Nothing is written, and whoever has the brief gets word of it."""
    functions.results["file_updater"] = {"step": "file_updater", "awaits_approval": True}
    functions.results["pr_creator"] = {"step": "pr_creator", "awaits_approval": True, "approve_within_s": 0}

    functions.run()

    assert [body.get("stage", "") for name, body in functions.calls if name == "post_process"] == ["", "declined"]
    assert [name for name, _ in functions.calls].count("file_updater") == 1


def test_failed_request_for_approval_is_not_waited_for(functions) -> None:
    """No link was sent, so no answer can come."""
    functions.results["file_updater"] = {"step": "file_updater", "awaits_approval": True}
    functions.statuses["pr_creator"] = [500]

    assert functions.run() == OUTCOME
    assert [failure["step"] for failure in functions.failures()] == ["pr_creator"]


def test_brief_that_cannot_be_published_fails_the_execution(functions) -> None:
    """An execution that published nothing must not look successful."""
    functions.statuses["post_process"] = [500] * 10

    with pytest.raises(WorkflowError):
        functions.run()


def test_failures_as_the_workflow_sends_them_are_read_by_the_contract(functions) -> None:
    """What Workflows says of an error becomes a failure with a step, a type and a message."""
    functions.statuses["rca"] = [424]
    functions.run()

    (failure,) = [Failure.model_validate(sent) for sent in functions.failures()]

    assert (failure.step, failure.error_type, failure.message) == ("rca", "Scripted", "rca answers 424")


def test_function_that_cannot_be_reached_is_a_failure_with_its_tag(functions) -> None:
    """Workflows itself raises then, and there is no answer to read a type from."""
    functions.addresses["rca"] = "http://127.0.0.1:9"

    functions.run()

    (failure,) = [Failure.model_validate(sent) for sent in functions.failures()]
    assert (failure.step, failure.error_type) == ("rca", "ConnectionFailedError, OSError")
    assert failure.message


@contextmanager
def unanswering() -> Iterator[tuple[str, list[bytes]]]:
    """An address that takes requests and never answers; and the first bytes of each."""
    taken: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            taken.append(self.rfile.read(int(self.headers["Content-Length"])))
            over.wait()

        def log_message(self, *_args: object) -> None:
            """Stay quiet."""

    over = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", taken
        finally:
            over.set()
            server.shutdown()
            thread.join()


def test_step_that_hangs_is_waited_for_once_and_named_in_the_brief(functions) -> None:
    """Asked again it would most likely hang again: the brief does not wait six times for it."""
    text = (bundle.ROOT / "workflows" / "incident.workflows.yaml").read_text()
    within = re.search(r"function: rca\n +within: (\d+)", text)
    assert within is not None
    impatient = engine.load(text.replace(within.group(), within.group().replace(within.group(1), "1")))

    with unanswering() as (url, taken):
        functions.addresses["rca"] = url
        assert functions.run(workflow=impatient) == OUTCOME

    assert len(taken) == 1
    (failure,) = functions.failures()
    assert failure["step"] == "rca"
    assert "TimeoutError" in failure["tags"]
