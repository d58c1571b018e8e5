"""The tools a model may call: what they read, and how its answers may use it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.code_analyzer.repository_tools import RepositoryTools
from functions.incident_detection.log_query_tool import FARTHEST, LogQueryTool
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import Turn, agreeable, calling, text_turn
from infra.local.sandboxes.gemini.server import GeminiSandbox
from shared.contracts import CodeAnalysis, Evidence
from shared.errors import Rejected
from shared.telemetry.port import LogLine
from tests.builders import NOW, an_alert, an_incident
from tests.fakes_code_host import GitReader, Repository
from tests.functions import model_path


def _line(at, text: str) -> LogLine:
    return LogLine(at, int(at.timestamp() * 1e9), text, {"service_name": "checkout-api"})


LOGS = model_path.FixedLogs(
    tuple(
        _line(NOW - timedelta(seconds=60 - n), f"ERROR pool of db exhausted, 40 of 40 in use, try {n}")
        for n in range(30)
    )
)


@pytest.fixture
def tools(monkeypatch) -> LogQueryTool:
    """A log query tool over LOGS; the id L1 is already used."""
    model_path.connect(monkeypatch, LOGS)
    LOGS.queries.clear()
    return LogQueryTool(an_alert(), an_incident())


def test_second_log_query_becomes_evidence(monkeypatch) -> None:
    """What the detection model queried can be cited, and is in the incident."""

    def script(request: ModelRequest) -> Turn:
        if request.title == "Judgement" and request.turns == 0:
            return calling(("query_logs", {"words": ["pool"]}))
        turn = agreeable(request)
        if request.title != "Judgement":
            return turn
        tool_result = json.dumps(request.body["contents"][-1])
        id_ = next(f"L{n}" for n in range(9, 0, -1) if f"L{n} error" in tool_result)
        return text_turn(
            {**json.loads(turn.parts[0]["text"]), "reasoning": f"{id_} shows an exhausted pool, 40 of 40."}
        )

    model_path.connect(monkeypatch, LOGS)
    with GeminiSandbox(script=script) as gemini:
        model_path.use(monkeypatch, gemini)
        answers = model_path.walk(an_alert())

    cited = answers.incident.reasoning.split()[0]
    assert answers.incident.reasoning.endswith("exhausted pool, 40 of 40.")
    assert "pool of db exhausted" in next(one.text for one in answers.incident.evidence if one.id == cited)
    assert answers.dropped == []


def test_model_chooses_words_and_times_but_not_the_service(tools) -> None:
    """Whatever its arguments, the tool reads the alert's own service."""
    report = tools.query_logs(
        {"words": ["pool"], "start": (NOW - timedelta(minutes=5)).isoformat(), "service_name": "x"}
    )
    (query,) = LOGS.queries

    assert (query.service_name, query.containing) == ("checkout-api", ("pool",))
    assert "L2 error 30 times" in report
    assert len(report.splitlines()) < 5


def test_window_is_limited(tools) -> None:
    """A model does not read last year's logs."""
    tools.query_logs({"start": "2001-01-01T00:00:00Z", "end": "2031-01-01T00:00:00Z"})

    assert LOGS.queries[0].start == an_alert().start - FARTHEST
    assert LOGS.queries[0].end == an_alert().end


@pytest.mark.parametrize(
    "args", [{"words": "pool"}, {"words": [""]}, {"words": ["a"] * 9}, {"start": "now"},
             {"start": "2026-05-04T09:00:00Z"}, {"start": "2026-05-04T02:00:00"}]
)  # fmt: skip
def test_wrong_arguments_are_reported_not_run(tools, args: dict[str, Any]) -> None:
    """The model gets an error message that it can act on."""
    with pytest.raises(Rejected):
        tools.query_logs(args)

    assert LOGS.queries == []


@pytest.fixture
def code(tmp_path: Path) -> RepositoryTools:
    """Repository tools over a small repository."""
    repository = Repository(tmp_path / "repo")
    files = {"shop/cart.py": "".join(f"LINE_{n} = {n}\n" for n in range(1, 400)), "config/secrets.yaml": "key: 1\n"}
    sha = repository.commit({**files, ".env.production": "TOKEN=abc\n", "keys/server.pem": "x"}, "Begin")
    offline = CodeAnalysis(code_available=True, commit=sha, evidence=[Evidence(id="C1", source="code", text="x")])
    return RepositoryTools(GitReader(repository.folder, "main"), offline)


def test_part_of_a_file_is_read_at_the_analysed_commit(code) -> None:
    """A long file is read in parts that state their line numbers."""
    part = code.read_file({"path": "shop/cart.py", "first_line": 200})

    assert part.startswith("shop/cart.py, lines 200 to 359 of 400\nLINE_200 = 200\n")


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "/etc/passwd",
        ".git/config",
        "a//b",
        "config/secrets.yaml",
        ".env.production",
        "keys/server.pem",
        "no.py",
        "",
    ],
)
def test_path_that_is_not_for_models_is_refused(code, path: str) -> None:
    """Outside, secret or absent: an error, never the file's text."""
    with pytest.raises(Rejected):
        code.read_file({"path": path})


def test_search_and_commits_leave_out_what_is_secret(code) -> None:
    """The same files are closed to every tool."""
    assert code.search_code({"text": "TOKEN"}) == "no file"
    assert "key: 1" not in code.get_commit({"sha": code._commit})
    assert "LINE_1 = 1" in code.get_commit({"sha": code._commit})


@pytest.mark.parametrize("sha", ["HEAD", "main; rm -rf /", "--all", "", "g" * 40])
def test_only_a_commit_id_is_looked_up(code, sha: str) -> None:
    """No ref, no option, no shell."""
    with pytest.raises(Rejected):
        code.get_commit({"sha": sha})


def test_lines_of_a_finding_are_set_by_code(code) -> None:
    """The snippet decides the lines, not what the model claims, and the code becomes evidence."""
    code.read_file({"path": "shop/cart.py"})
    claim = {"path": "shop/cart.py", "line_start": 1, "line_end": 1, "issue_description": "It is wrong."}
    claim |= {"failing_line": 8}
    analysis = CodeAnalysis.model_validate(
        {
            **code._offline.model_dump(),
            "problematic_files": [
                {**claim, "code_snippet": "LINE_7 = 7\nLINE_8 = 8"},
                {**claim, "code_snippet": "LINE_7 = 8"},
                {**claim, "path": "shop/other.py", "code_snippet": "LINE_7 = 7"},
            ],
            "suggested_fix_locations": ["shop/cart.py:7", "shop/other.py:1", "rm -rf"],
        }
    )

    checked, drops = code.check(analysis, model_path.grounding(analysis))
    (place,) = checked.problematic_files

    assert (place.line_start, place.line_end, place.evidence_ids) == (7, 8, ["C2"])
    assert place.failing_line is None
    assert checked.evidence[-1].text == "LINE_7 = 7\nLINE_8 = 8"
    assert checked.suggested_fix_locations == ["shop/cart.py:7"]
    assert len(drops) == 4
