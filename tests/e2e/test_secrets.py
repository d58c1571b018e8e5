"""Secrets planted in the logs of one incident, and everything that the system then wrote, sent and put to the model."""

import gzip
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from infra.local.cli import demo
from infra.local.stack.model_choice import ModelChoice
from tests.planted_secrets import KEY_LOGGED_APART, PLANTED

SERVICE = "vault-api"
HOST, USER = "db-7.prod.internal", "mallory77"
START = datetime(2026, 5, 4, 2, 45, tzinfo=UTC)
ONSET = START + timedelta(minutes=9)
TRACE = """Traceback (most recent call last):
  File "/app/vault/api.py", line 41, in store
    client.connect({})
  File "/app/vault/client.py", line 17, in connect
    raise ConnectionRefused(reason)
vault.client.ConnectionRefused: {}"""


def _lines() -> list[tuple[datetime, str, str]]:
    """Return (time, level, line): a healthy service that starts to fail, its errors full of secrets."""
    calm = [(START + timedelta(seconds=4 * n), "info", f"GET /items/{n} 200 in 5 ms") for n in range(220)]
    loud = [
        (ONSET + timedelta(seconds=5 * n + step), "error", line.format(planted.line))
        for n, planted in enumerate(PLANTED)
        for step, line in enumerate(("ERROR call failed: {}", "{}"))
    ]
    traces = [
        (ONSET + timedelta(seconds=3 * n), "error", _trace(planted.line.replace("\n", " ")))
        for n, planted in enumerate(PLANTED)
        if "BEGIN" not in planted.line
    ]
    apart = [(ONSET + timedelta(seconds=200, milliseconds=n), "error", line) for n, line in enumerate(KEY_LOGGED_APART)]
    named = [
        (ONSET + timedelta(seconds=7 * n), "error", f"ERROR {HOST} refused user_id={USER} from 10.20.30.40")
        for n in range(20)
    ]
    return sorted([*calm, *loud, *traces, *apart, *named])


def _trace(secret_line: str) -> str:
    return TRACE.replace("{}", secret_line)


def _write_case(folder: Path) -> None:
    folder.mkdir()
    streams: dict[str, list[list[str]]] = {}
    for at, level, line in _lines():
        streams.setdefault(level, []).append([str(int(at.timestamp() * 1000) * 1_000_000), line])
    result = [
        {"stream": {"service_name": SERVICE, "level": level}, "values": values} for level, values in streams.items()
    ]
    body = {"status": "success", "data": {"resultType": "streams", "result": result}}
    (folder / "logs.loki.json.gz").write_bytes(gzip.compress(json.dumps(body).encode()))
    window = [START.isoformat(), (START + timedelta(minutes=15)).isoformat()]
    (folder / "case.json").write_text(json.dumps({"service_name": SERVICE, "window": window}))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return every file of one run with a model: briefs, mails, hook calls, traces, logs, requests to the model."""
    root = tmp_path_factory.mktemp("secrets")
    _write_case(root / "case")
    console = Console(record=True, width=200, file=io.StringIO())
    options = demo.DemoOptions(output=root / "output", case=root / "case", model=ModelChoice(provider="sandbox"))

    assert demo.run(options, console) == 0, console.export_text()

    (folder,) = (root / "output").iterdir()
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {"screen": console.export_text(), **{name: data.decode("utf-8", "replace") for name, data in files.items()}}


def test_run_wrote_everything_a_secret_could_reach(written: dict[str, str]) -> None:
    """An empty folder would prove nothing: the incident was detected, published, and put to a model."""
    kinds = {name.split("/")[0] for name in written}

    assert {"briefs", "mail", "hook", "gemini", "trace.json"} <= kinds
    assert any("ConnectionRefused" in text for name, text in written.items() if name.endswith("brief.html"))
    assert any("[cut: " in text for name, text in written.items() if name.startswith("gemini"))


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.kind)
def test_planted_secret_is_in_nothing_the_system_wrote(written: dict[str, str], planted) -> None:
    """Neither brief nor mail, hook, trace, database, log nor any request to the model holds it."""
    shapes = {planted.secret, json.dumps(planted.secret)[1:-1]}

    assert [name for name, text in written.items() if any(shape in text for shape in shapes)] == []


def test_key_logged_line_by_line_is_in_nothing(written: dict[str, str]) -> None:
    """No line of its body leaves the log store."""
    assert [name for name, text in written.items() if any(line in text for line in KEY_LOGGED_APART[1:-1])] == []


def test_model_never_learns_names_that_the_brief_shows(written: dict[str, str]) -> None:
    """Hosts, addresses and users are masked in every request, and real where people read."""
    prompts = [text for name, text in written.items() if name.startswith("gemini")]

    assert not any(name in text for text in prompts for name in (HOST, USER, "10.20.30.40"))
    assert any(HOST in text for name, text in written.items() if name.endswith("trace.json"))
