"""Replays: a step's recorded inputs go in, what differs comes out; nothing is sent, nothing is stored."""

import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra.evals.from_incidents import judged_incidents, scenario_of
from infra.evals.score import judge
from infra.local.sandboxes.github.deployments import DEPLOYMENTS
from infra.operate import maintenance_windows
from infra.replay import __main__ as command
from infra.replay import recorded as records
from infra.replay.difference import MAX_SHOWN, differences, lines
from infra.replay.rerun import REPLAYED, apart, rerun
from shared import traces
from shared.admission import operator_journal
from shared.admission.operator_journal import JournalEntry
from shared.contracts import RootCauses, Suggestions
from shared.errors import Misconfigured, Rejected
from shared.traces.port import TraceStore
from tests.builders import NOW, an_alert
from tests.fakes_code_host import Repository
from tests.functions.console_visits import copied_traces, text_of, worked_on

ID = an_alert().incident_id


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work on one incident with a model, once for all tests of this file; yield its traces."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch, worked_on(folder, patch):
        yield folder / "traces.sqlite3"


@pytest.fixture
def store(played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TraceStore:
    """A copy of the traces, which the commands open too."""
    monkeypatch.setenv("TRACES_PATH", str(copied_traces(played, tmp_path)))
    opened = traces.connect()
    monkeypatch.setattr(command, "opened_store", lambda _: contextlib.nullcontext(opened))
    monkeypatch.setattr(maintenance_windows, "opened_store", lambda _: contextlib.nullcontext(opened))
    return opened


def dump(path: Path) -> list[str]:
    """Return everything that a trace file holds."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_step_that_is_replayed_with_the_same_model_gives_the_same_answer(
    store: TraceStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It reads what was recorded; the file says that it is a replay, and holds the prompt."""
    before = dump(tmp_path / "copy.sqlite3")

    status = command.main([ID, "--step", "rca", "--model", "sandbox", "--output", str(tmp_path)])

    screen = capsys.readouterr().out
    assert status == 0
    assert all(line.startswith(("REPLAY", "  ")) for line in screen.splitlines() if line)
    assert "  the same answer" in screen
    (path,) = tmp_path.glob("replay-*.json")
    body = json.loads(path.read_text())
    assert body["replay"] is True
    assert [each["step"] for each in body["steps"]] == ["rca"]
    assert body["steps"][0]["tokens"] > 0
    assert "ZeroDivisionError" in body["steps"][0]["prompts_and_answers"][0]
    assert dump(tmp_path / "copy.sqlite3") == before


def test_another_model_shows_what_differs(
    store: TraceStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here the offline analyst in place of the model, for every step that can be replayed."""
    assert command.main([ID, "--model", "offline", "--output", str(tmp_path)]) == 0

    screen = capsys.readouterr().out
    assert "REPLAY leaves out incident_detection, which reads telemetry, and the steps that write or send." in screen
    for step in REPLAYED:
        assert f"REPLAY {step}: recorded by " in screen
    assert screen.count("now by offline") == len(REPLAYED)


def test_page_of_the_incident_says_how_each_step_is_replayed(store: TraceStore) -> None:
    """Of those that can be, with the incident's id; nothing of the others."""
    page = text_of(f"/incidents/{ID}")

    offered = re.findall(rf"make replay ID={ID} STEP=(\w+) MODEL=", page)
    assert set(offered) == set(REPLAYED)


def test_replayed_answer_is_what_the_next_step_reads(store: TraceStore) -> None:
    """As in the workflow."""
    recorded = records.read(store, ID)

    with apart("offline", None):
        reruns = rerun(recorded)

    names = [each.row.name for each in reruns]
    assert names == list(REPLAYED)
    assert all(each.before is not None for each in reruns)


def test_code_is_read_with_the_deployments_that_the_stack_has(tmp_path: Path) -> None:
    """They stand beside the stack's pull requests, to which a replay adds nothing."""
    repository = Repository(tmp_path / "repo")
    sha = repository.commit({"a.py": "A = 1\n"})
    row = {"id": 1, "ref": sha, "environment": "production", "creator": "ada", "created_at": NOW.isoformat()}
    rows = [{**row, "production_environment": True, "statuses": []}]
    git_dir = repository.folder / ".git"
    (git_dir / DEPLOYMENTS).write_text(json.dumps({"deployments": rows, "releases": []}))

    with apart("offline", (git_dir, "acme/shop")):
        url = f"{os.environ['GITHUB_API_URL']}/repos/acme/shop/deployments"
        answer = requests.get(url, headers={"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}"}, timeout=10)

    assert [one["sha"] for one in answer.json()] == [sha]


def test_nothing_is_sent(store: TraceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither mail nor hook nor bus nor branch: nothing of a replay can, as no step that writes is replayed."""
    from shared import outbox
    from shared.cloud import pubsub

    for module, name in ((outbox, "connect_mailer"), (outbox, "connect_hook"), (pubsub, "connect")):
        monkeypatch.setattr(module, name, lambda: pytest.fail("a replay sends"), raising=False)
    with apart("sandbox", None):
        rerun(records.read(store, ID))


@pytest.mark.parametrize("step", ["incident_detection", "post_process", "file_updater", "nonsense"])
def test_step_that_cannot_be_replayed_is_rejected(store: TraceStore, step: str) -> None:
    """The message names those that can."""
    with pytest.raises(Rejected, match="rca, suggestion, code_analyzer, solution_generator"):
        rerun(records.read(store, ID), step)


def test_unknown_incident_and_missing_key_are_said_in_a_line(
    store: TraceStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the status says that nothing was replayed."""
    assert command.main(["inc-absent", "--output", str(tmp_path)]) == 1
    assert "There is no incident 'inc-absent'" in capsys.readouterr().out
    assert command.main([ID, "--model", "gemini-3.8-flash", "--output", str(tmp_path)]) == 1
    assert "GEMINI_API_KEY" in capsys.readouterr().out
    with pytest.raises(Misconfigured), apart("gemini", None):
        pytest.fail("there is no key")


def test_differences_are_leaves_in_the_order_of_the_contract() -> None:
    """A port of loopback is none; of very many the first are printed."""
    before = RootCauses(most_likely="The disk at http://127.0.0.1:1234/x", root_causes=[])
    after = RootCauses(most_likely="The disk at http://127.0.0.1:4321/x", root_causes=[])

    assert differences(before, after) == []
    assert lines([]) == ["  the same answer"]
    (one,) = differences(before, after.replace(most_likely="DNS"))
    assert (one.path, one.after) == ("most_likely", "DNS")
    assert differences(None, Suggestions(recommended_action="Wait"))[0].before == "(nothing)"
    assert len(lines([one] * 100)) == 3 * MAX_SHOWN + 1


def judged(store: TraceStore, verdict: str) -> None:
    """Let a person judge the incident's cause."""
    causes = records.read(store, ID).answers["rca"]
    assert isinstance(causes, RootCauses)
    entry = JournalEntry.model_validate(
        {"request_id": f"request-{verdict}", "kind": "judge", "by": "Ada", "at": NOW, "service_name": "checkout-api",
         "incident_id": ID, "verdict": verdict, "cause": causes.most_likely, "note": "Seen in production."}
    )  # fmt: skip
    operator_journal.add(store, entry)


@pytest.mark.parametrize(("verdict", "passes"), [("right", True), ("partly", True), ("wrong", False)])
def test_judged_incident_is_a_scenario(store: TraceStore, verdict: str, *, passes: bool) -> None:
    """A right cause comes out again; one that was wrong must not."""
    judged(store, verdict)
    (one,) = judged_incidents(store)
    assert one.scenario.about == f"Ada judged the cause {verdict}. Seen in production."

    with apart("offline", None):
        verdicts = judge(one.scenario, one.play())

    words = [each for each in verdicts if each.wanted.startswith(("cause", "never"))]
    assert words
    assert all(each.passed for each in words) is passes


def test_right_cause_asks_for_its_names_file_and_commit(store: TraceStore) -> None:
    """And for nothing that another wording would change."""
    judged(store, "right")
    (one,) = judged_incidents(store)

    wanted = scenario_of(one.recorded, operator_journal.entries(store)[0]).wanted

    assert "ZeroDivisionError" in wanted.mentions
    assert wanted.file == "shop/pricing.py"
    assert wanted.commit == 1
    assert judged_incidents(store, only="another") == []
