"""The evaluation: the agents answer every scenario offline, and the score judges the answers."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.evals import __main__ as evals
from infra.evals import scenario, score
from infra.evals.report import Report, result_of
from infra.evals.run_scenario import Played, play
from infra.evals.scenario import PatchWanted, Wanted
from infra.local.sandboxes.gemini.server import API_KEY, GeminiSandbox
from shared.contracts import Quote, RootCause, RootCauses
from shared.errors import Rejected
from tests.builders import an_alert, an_incident

MEASURED = 1.0
"""The offline analyst's pass rate over all scenarios but known gaps."""
MARGIN = 0.07
SCENARIOS = scenario.load()


@pytest.fixture(scope="module", autouse=True)
def offline() -> Iterator[None]:
    """Use the offline analyst, whatever this machine is configured for, unless a test sets a model."""
    before = {name: os.environ.pop(name, None) for name in ("GEMINI_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI")}
    yield
    os.environ.update({name: value for name, value in before.items() if value is not None})


@pytest.fixture(scope="module")
def report() -> Report:
    """One run of every scenario."""
    return evals.evaluate(SCENARIOS, runs=1)


def test_there_are_scenarios_of_every_kind() -> None:
    """At least twenty-five: in six languages, with healthy services, with missing telemetry."""
    assert len(SCENARIOS) >= 25
    assert {each.wanted.outcome for each in SCENARIOS} == {"proceed", "dismiss"}
    assert sum(each.name.endswith("_regression") for each in SCENARIOS) >= 6
    assert any(each.logs_are_down for each in SCENARIOS)


def test_offline_analyst_passes_as_often_as_measured(report: Report) -> None:
    """A change that makes it worse fails here; a known gap does not count as a failure."""
    failed = {result.name: result.failures for result in report.counted if not result.passed}

    assert report.pass_rate >= MEASURED - MARGIN, failed
    assert len(report.counted) >= 25


def test_every_claim_has_evidence(report: Report) -> None:
    """Quotes are verbatim and cited evidence exists, in failed runs too."""
    assert report.grounding == 1
    assert sum(result.claims for result in report.results) > len(report.results)


def test_same_incident_gets_the_same_answer_each_time() -> None:
    """The offline analyst is deterministic."""
    again = evals.evaluate([each for each in SCENARIOS if each.name in ("python_regression", "dns_failure")], runs=2)

    assert again.stability == 1


def test_report_is_printed_written_as_json_and_sets_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A table for people, JSON for machines, and an exit code."""
    arguments = ["--runs", "1", "--only", "disk_full", "--output", str(tmp_path)]

    assert evals.main([*arguments, "--at-least", "1"]) == 0
    (file,) = tmp_path.glob("evals-*.json")
    written = json.loads(file.read_text())

    assert (written["model"], written["pass_rate"], written["grounding"]) == ("the offline analyst", 1, 1)
    assert written["scenarios"][0]["name"] == "disk_full"
    assert "disk_full" in capsys.readouterr().out


def test_result_below_the_threshold_exits_1(tmp_path: Path) -> None:
    """No pass rate reaches 1.1."""
    assert evals.main(["--runs", "1", "--only", "disk_full", "--output", str(tmp_path), "--at-least", "1.1"]) == 1


def test_configured_model_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key Gemini answers, and the report states the cost."""
    with GeminiSandbox() as gemini:
        monkeypatch.setenv("GEMINI_API_KEY", API_KEY)
        monkeypatch.setenv("GEMINI_BASE_URL", gemini.url)
        (wanted,) = [each for each in SCENARIOS if each.name == "secrets_in_logs"]
        report = evals.evaluate([wanted], runs=1)
        requests = [request.body.decode() for request in gemini.requests]

    assert report.model == "Gemini"
    assert report.results[0].tokens > 0
    assert report.results[0].cost_usd > 0
    assert requests
    assert not [each for each in requests for secret in wanted.wanted.secrets if secret in each]


def test_environment_is_left_as_it_was() -> None:
    """An evaluation restores every environment variable."""
    before = dict(os.environ)

    play(SCENARIOS[0])

    assert dict(os.environ) == before


def test_invalid_scenario_file_is_named(tmp_path: Path) -> None:
    """The author of a scenario learns which file is invalid."""
    (tmp_path / "odd.yaml").write_text("about: x\nservice: y\nalert: {name: z}\nwanted: {outcome: maybe}\n")

    with pytest.raises(Rejected, match=r"odd\.yaml"):
        scenario.load(tmp_path)


def _of(wanted: Wanted) -> scenario.EvalScenario:
    return SCENARIOS[0].model_copy(update={"wanted": wanted, "known_gap": None})


def test_each_unmet_expectation_fails() -> None:
    """Each unmet expectation is a verdict of its own."""
    wanted = Wanted(
        outcome="dismiss",
        types=["config_issue"],
        severities=["low"],
        onset=scenario.Onset(minute=3),
        evidence=["nowhere"],
        no_evidence=["division"],
        mentions=["nothing like it"],
        file="a.py",
        commit=2,
        patch=PatchWanted(reverts=1),
    )

    verdicts = score.judge(_of(wanted), Played(an_alert(), ["0" * 40], an_incident()))

    assert [verdict.passed for verdict in verdicts] == [False] * 10


def test_invented_quote_is_not_grounded() -> None:
    """A claim counts as grounded when each of its quotes is in the evidence it cites."""

    def claims(text: str) -> score.Grounding:
        quote = Quote(evidence_id="L1", text=text)
        cause = RootCause(hypothesis="x", confidence=0.5, evidence_ids=["L1"], quotes=[quote])
        return score.grounding(Played(an_alert(), [], an_incident(), RootCauses(root_causes=[cause])))

    assert claims("division by zero") == score.Grounding(1, 1)
    assert claims("a meteorite") == score.Grounding(1, 0)


def test_known_gap_is_reported_but_not_counted() -> None:
    """A known failure cannot hide a new one."""
    failing = _of(Wanted(outcome="dismiss"))
    gap = failing.model_copy(update={"known_gap": "not possible yet"})
    played = [Played(an_alert(), [], an_incident())]

    assert Report("x", (result_of(failing, played), result_of(gap, played))).pass_rate == 0
    assert Report("x", (result_of(gap, played),)).pass_rate == 1
