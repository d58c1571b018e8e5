"""The trace store dies before, during or after each step: the brief is published all the same, once."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import flask
import pytest

from functions.code_analyzer.main import code_analyzer
from functions.file_updater.main import file_updater
from functions.incident_detection.main import incident_detection
from functions.post_process.main import post_process
from functions.pr_creator.main import pr_creator
from functions.rca.main import rca
from functions.solution_generator.main import solution_generator
from functions.suggestion.main import suggestion
from functions.workflow_starter.incident_record import record_of
from functions.workflow_starter.signed_alert import carried
from infra import bundle
from infra.evals import run_scenario, scenario
from infra.local import engine
from infra.local.sandboxes.gmail.server import GmailSandbox
from infra.local.sandboxes.hook.server import HookSandbox
from shared import signatures, traces
from shared.contracts import Alert
from shared.errors import Unavailable
from shared.step.steps import BY_NAME, EARLY, FACTS, POST_PROCESS, STEPS
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces

WORKFLOW = engine.load((bundle.ROOT / "workflows" / "incident.workflows.yaml").read_text())
VIEWS = {view.__name__: view for view in (
    incident_detection, rca, suggestion, code_analyzer, solution_generator, file_updater, pr_creator, post_process
)}  # fmt: skip
SCENARIO = "python_regression"
NONCE = "nonce"
TABLE = "store outage"
"""Property of a test: when the store died, the kind of the outcome, and whether there is a pull request."""

RUNS = (FACTS, POST_PROCESS.run_name(EARLY), *(row.agent for row in STEPS))
"""Every run of the full path, in order."""
Moment = Literal["before", "during", "after"]


class MortalStore:
    """The trace store, until it dies: then every method raises."""

    def __init__(self, store: EmbeddedTraces) -> None:
        self._store = store
        self.is_dead = False
        self.dies_on_answer_of = ""

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if name == "record_run" and arguments[1].agent == self.dies_on_answer_of:
                self.is_dead = True
            if self.is_dead:
                raise Unavailable("the store is dead")
            return getattr(self._store, name)(*arguments, **named)

        return call


@dataclass
class System:
    """Every step behind one HTTP server, with sandboxes for what is outside."""

    store: MortalStore
    alert: Alert
    gmail: GmailSandbox
    hook: HookSandbox
    url: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    on_call: Any = None
    """Called with the run's name and "before" or "after" each call."""

    def run(self) -> Any:
        """Run the workflow over the incident, as workflow_starter starts it."""
        self.store.open_incident(record_of(self.alert, nonce=NONCE))
        argument = {"alert": carried(self.alert, NONCE).model_dump(mode="json")}
        environment = {name: f"{self.url}/{name}" for name in VIEWS}
        return engine.run(WORKFLOW, argument, environment=environment, time_scale=0.0001)

    def answer(self, name: str, body: Any) -> tuple[int, bytes]:
        """Call one step."""
        run = BY_NAME[name].run_name(body.get("stage", ""))
        self.on_call(run, "before")
        with flask.Flask(name).test_request_context(json=body, method="POST"):
            response = VIEWS[name](flask.request)
        self.results[name] = response.get_json()
        self.on_call(run, "after")
        return response.status_code, response.get_data()

    def messages(self) -> dict[str, tuple[int, int]]:
        """Return how many mails and calls of the hook brought the early brief and the brief."""
        mails = Counter("early" if ".early@" in mail["Message-ID"] else "brief" for mail in self.gmail.mails)
        calls = Counter("early" if call["body"]["kind"] == "early" else "brief" for call in self.hook.calls)
        return {name: (mails[name], calls[name]) for name in ("early", "brief")}


@contextmanager
def serving(system: System) -> Iterator[None]:
    """Serve the steps while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, content = system.answer(self.path.strip("/"), body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    system.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """The known incident of a code regression, with everything up."""
    case = next(each for each in scenario.load() if each.name == SCENARIO)
    private, public = signatures.new_pair()
    with ExitStack() as sandboxes:
        alert, _, variables = run_scenario.set_up(case, tmp_path, sandboxes)
        gmail = sandboxes.enter_context(GmailSandbox(tmp_path / "mail"))
        hook = sandboxes.enter_context(HookSandbox(tmp_path / "hook"))
        settings = {
            **variables,
            **gmail.grant.settings(gmail.url),
            "ON_CALL_ENGINEERS": '["ada@example.com"]',
            "POST_PROCESS_URL": hook.url,
            "STEP_SIGNING_KEY": private,
            "STEP_PUBLIC_KEYS": json.dumps(dict.fromkeys((*BY_NAME, "workflow_starter"), public)),
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        store = MortalStore(EmbeddedTraces(EmbeddedSettings(traces_path=Path(os.environ["TRACES_PATH"]))))
        monkeypatch.setattr(traces, "connect", lambda: store)
        monkeypatch.setattr("shared.http.retries.backoff_s", lambda *_: 0.0)
        made = System(store, alert, gmail, hook)
        with serving(made):
            yield made


def test_with_a_living_store_the_brief_is_whole(system: System) -> None:
    """What the outages below are compared with."""
    system.on_call = lambda *_: None

    result = system.run()

    assert result["headline"].startswith("published: full")
    assert "digest" not in str(system.results)
    assert system.messages() == {"early": (1, 1), "brief": (1, 1)}
    assert system.results["pr_creator"]["headline"].startswith("pull request #1")


@pytest.mark.parametrize(
    ("run", "moment"),
    [
        pytest.param(run, moment, id=f"{moment}-{run}")
        for run in RUNS
        # After one step is before the next; the last has none.
        for moment in (("before", "during", "after") if run is RUNS[-1] else ("before", "during"))
    ],
)
def test_incident_is_published_once_whenever_the_store_dies(
    system: System, record_property: Any, run: str, moment: Moment
) -> None:
    """One brief by mail and by the hook, with what was found until then in it, and the early one at most once."""
    if moment == "during":
        system.store.dies_on_answer_of = run

    def die(name: str, now: str) -> None:
        if (name, now) == (run, moment):
            system.store.is_dead = True

    system.on_call = die

    result = system.run()

    messages = system.messages()
    assert messages["brief"] == (1, 1)
    assert messages["early"] in ((0, 0), (1, 1))
    kind = result["headline"].split()[1].rstrip(":")
    is_late = run is RUNS[-1] and moment != "before"
    assert kind == ("full" if run is RUNS[-1] and moment == "after" else "degraded" if not is_late else kind)
    pull_request = system.results.get("pr_creator", {}).get("headline", "")
    record_property(TABLE, (f"{moment} {run}", kind, "pull request" if pull_request else "none"))


def test_diagnosis_survives_a_store_that_dies_before_detection(system: System) -> None:
    """The digests of all answers reach the brief: cause, advice, code."""
    system.on_call = lambda name, now: setattr(system.store, "is_dead", True)

    system.run()

    (mail,) = system.gmail.mails
    part = mail.get_body(("plain",))
    assert part is not None
    text = part.get_content()
    for words in ("ZeroDivisionError", "checkout/pricing.py:9", "Roll checkout-api back", "the store is dead"):
        assert words in text
