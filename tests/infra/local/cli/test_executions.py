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
    - begin: {assign: [{tries: 0}, {done: null}]}
    - both:
        parallel:
          shared: [done]
          branches:
            - left: {steps: [{ask_left: {call: ask, result: done}}]}
            - right: {steps: [{ask_right: {call: sys.log, args: {text: right}}}]}
    - risky:
        try: {call: ask, args: {fails: true}}
        retry: {max_retries: 2, backoff: {initial_delay: 0, max_delay: 0, multiplier: 1}}
        except: {as: e, steps: [{told: {call: sys.log, args: {json: "${e}"}}}]}
    - last: {switch: [{condition: "${args.fails}", raise: {code: 7, message: "[told] at the end"}}]}
ask:
  params: [{fails: false}]
  steps:
    - check: {switch: [{condition: "${fails}", raise: {message: no luck, body: {message: try later}}}]}
    - log: {call: sys.log, args: {text: asked}}
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


def shown(server: EngineServer, wanted: str | None = None, *, width: int = 120, has_all: bool = False) -> str:
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

    lines = shown(server, width=80).splitlines()

    assert [line.split()[1:4] for line in lines[1:2] + lines[3:]] == [
        ["inc-2", "shop", "FAILED"],
        ["inc-1", "shop", "SUCCEEDED"],
    ]
    assert "[told] at the end" in lines[2]


def test_an_empty_list_says_what_to_do(server: EngineServer) -> None:
    """Nothing ran yet."""
    assert "make alert" in shown(server)


def test_branches_are_indented_and_attempts_counted(server: EngineServer) -> None:
    """The timeline shows what ran beside what, and each attempt with its error."""
    text = shown(server, run(server, "inc-1").name.rpartition("/")[2])
    rows = [line[:35].rstrip() for line in text.splitlines() if line[1:2] in {"✓", "✗"}]

    assert rows == [
        " ✓  both",
        " ✓    left > ask_left > log",
        " ✓    right > ask_right",
        " ✓  risky",
        " ✗    risky > check",
        " ✗    risky (attempt 2) > check",
        " ✗    risky (attempt 3) > check",
        " ✓    told",
    ]
    assert text.count("no luck: try later") == 3


def test_labels_state_and_error_stand_above_the_steps(server: EngineServer) -> None:
    """Found by the id of its incident."""
    run(server, "inc-7", fails=True)

    text = shown(server, "inc-7")

    assert "FAILED after" in text
    assert "incident_id: inc-7" in text
    assert '[told] at the end\nin step "last", routine "main"' in text


def test_all_steps_are_shown_when_asked_for(server: EngineServer) -> None:
    """Those that only compute too."""
    identifier = run(server, "inc-1").name.rpartition("/")[2]

    assert "begin" not in shown(server, identifier)
    assert "begin" in shown(server, identifier, has_all=True)


def test_a_running_execution_is_shown_as_far_as_it_is(server: EngineServer) -> None:
    """Its open step goes on to the edge."""
    server.deploy("nap", "- nap: {call: sys.sleep, args: {seconds: 600}}")
    execution = server.service.create_execution(server.name("nap"), ExecutionRequest())
    while not execution.history.current():
        pass

    text = shown(server, execution.name.rpartition("/")[2])

    assert "ACTIVE after" in text
    assert " ▶  nap" in text


@pytest.mark.parametrize(("wanted", "words"), [("zzz", "No executions match"), ("", "2 executions match")])
def test_an_unclear_id_is_told(server: EngineServer, wanted: str, words: str) -> None:
    """None or several: the list helps."""
    run(server, "inc-1")
    run(server, "inc-2")

    assert words in shown(server, wanted)


def test_no_house_is_told_in_one_sentence(tmp_path: Path) -> None:
    """Neither a missing map nor a dead engine is a traceback."""
    with pytest.raises(executions.EngineDown, match="make local"):
        executions.engine_url(tmp_path / "stack.json")
    with pytest.raises(executions.EngineDown, match="No engine answers"):
        executions.Engine("http://127.0.0.1:9").executions()


def test_the_engine_is_found_in_the_map_of_the_house(tmp_path: Path) -> None:
    """`make local` leaves where everything is."""
    (tmp_path / "stack.json").write_text('{"engine": {"pid": 1, "url": "http://127.0.0.1:1"}}', encoding="utf-8")

    assert executions.engine_url(tmp_path / "stack.json") == "http://127.0.0.1:1"
