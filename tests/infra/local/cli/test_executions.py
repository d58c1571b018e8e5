"""The executions of a real engine, in the terminal."""

import io
import json
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from infra.local.cli import executions
from infra.local.engine.api.execution import Execution, ExecutionRequest
from infra.local.engine.server import EngineServer

SOURCE = """
main:
  params: [args]
  steps:
    - init: {assign: [{tries: 0}, {done: null}]}
    - both:
        parallel:
          shared: [done]
          branches:
            - left: {steps: [{ask_left: {call: ask, result: done}}]}
            - right: {steps: [{ask_right: {call: sys.log, args: {text: right}}}]}
    - risky:
        try: {call: ask, args: {fails: true}}
        retry: {max_retries: 2, backoff: {initial_delay: 0, max_delay: 0, multiplier: 1}}
        except: {as: e, steps: [{report: {call: sys.log, args: {json: "${e}"}}}]}
    - last: {switch: [{condition: "${args.fails}", raise: {code: 7, message: "[stop] at the end"}}]}
ask:
  params: [{fails: false}]
  steps:
    - check: {switch: [{condition: "${fails}", raise: {message: no luck, body: {message: try later}}}]}
    - log: {call: sys.log, args: {text: called}}
"""


@pytest.fixture
def server() -> Iterator[EngineServer]:
    """Serve one workflow with branches, retries and errors."""
    with EngineServer(project="local", location="local") as served:
        served.deploy("incident", textwrap.dedent(SOURCE))
        yield served


def run(server: EngineServer, incident: str, *, fails: bool = False) -> Execution:
    """Run the workflow to its end."""
    labels = {"incident_id": incident, "service_name": "shop"}
    execution = server.service.create_execution(
        server.name("incident"), ExecutionRequest(json.dumps({"fails": fails}), labels=labels)
    )
    assert execution.wait(10)
    return execution


def printed(server: EngineServer, wanted: str | None = None, *, width: int = 120, has_all: bool = False) -> str:
    """Return what the command prints."""
    console = Console(file=io.StringIO(), width=width)
    engine = executions.Engine(server.http_url)
    if wanted is None:
        executions.show_list(engine, console)
    else:
        executions.show_one(engine, wanted, console, has_all=has_all)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_list_names_incident_service_state_and_error(server: EngineServer) -> None:
    """Newest first, a failure with its message below it."""
    run(server, "inc-1")
    run(server, "inc-2", fails=True)

    lines = printed(server, width=80).splitlines()

    assert [line.split()[1:4] for line in lines[1:2] + lines[3:]] == [
        ["inc-2", "shop", "FAILED"],
        ["inc-1", "shop", "SUCCEEDED"],
    ]
    assert "[stop] at the end" in lines[2]


def test_an_empty_list_says_what_to_do(server: EngineServer) -> None:
    """Nothing ran yet."""
    assert "make alert" in printed(server)


def test_branches_are_indented_and_attempts_counted(server: EngineServer) -> None:
    """The timeline shows which steps ran in parallel, and each attempt with its error."""
    text = printed(server, run(server, "inc-1").name.rpartition("/")[2])
    rows = [line[:35].rstrip() for line in text.splitlines() if line[1:2] in {"✓", "✗"}]

    assert rows == [
        " ✓  both",
        " ✓    left > ask_left > log",
        " ✓    right > ask_right",
        " ✓  risky",
        " ✗    risky > check",
        " ✗    risky (attempt 2) > check",
        " ✗    risky (attempt 3) > check",
        " ✓    report",
    ]
    assert text.count("no luck: try later") == 3


def test_labels_state_and_error_are_printed_above_the_steps(server: EngineServer) -> None:
    """The execution is selected by the id of its incident."""
    run(server, "inc-7", fails=True)

    text = printed(server, "inc-7")

    assert "FAILED after" in text
    assert "incident_id: inc-7" in text
    assert '[stop] at the end\nin step "last", routine "main"' in text


def test_all_steps_are_shown_on_request(server: EngineServer) -> None:
    """Also the steps that only compute."""
    identifier = run(server, "inc-1").name.rpartition("/")[2]

    assert "init" not in printed(server, identifier)
    assert "init" in printed(server, identifier, has_all=True)


def test_a_running_execution_is_shown_up_to_its_open_step(server: EngineServer) -> None:
    """Its open step has the sign of a running step."""
    server.deploy("nap", "- nap: {call: sys.sleep, args: {seconds: 600}}")
    execution = server.service.create_execution(server.name("nap"), ExecutionRequest())
    while not execution.history.current():
        pass

    text = printed(server, execution.name.rpartition("/")[2])

    assert "ACTIVE after" in text
    assert " ▶  nap" in text


@pytest.mark.parametrize(("wanted", "words"), [("zzz", "No executions match"), ("", "2 executions match")])
def test_an_ambiguous_or_unknown_id_is_reported(server: EngineServer, wanted: str, words: str) -> None:
    """Without exactly one match, the message gives the count."""
    run(server, "inc-1")
    run(server, "inc-2")

    assert words in printed(server, wanted)


def test_a_stopped_stack_is_reported_in_one_sentence(tmp_path: Path) -> None:
    """Neither a missing stack.json nor a dead engine gives a traceback."""
    with pytest.raises(executions.EngineDown, match="make local"):
        executions.engine_url(tmp_path / "stack.json")
    with pytest.raises(executions.EngineDown, match="No engine answers"):
        executions.Engine("http://127.0.0.1:9").executions()


def test_the_engine_url_is_read_from_stack_json(tmp_path: Path) -> None:
    """`make local` writes the address of every service there."""
    (tmp_path / "stack.json").write_text('{"engine": {"pid": 1, "url": "http://127.0.0.1:1"}}', encoding="utf-8")

    assert executions.engine_url(tmp_path / "stack.json") == "http://127.0.0.1:1"
