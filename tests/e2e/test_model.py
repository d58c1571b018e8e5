"""The whole system on Gemini's path: what a run costs in calls, and that no failing or hostile model silences it."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from infra.local.cli import demo
from infra.local.stack.model_choice import ModelChoice

MAX_CALLS, MAX_IN_SERIES = 5, 3


class Run:
    """What one demo left behind."""

    def __init__(self, output: Path, **model: Any) -> None:
        output.mkdir()
        console = Console(record=True, width=200, file=io.StringIO())
        options = demo.DemoOptions(output=output, model=ModelChoice("sandbox", **model))
        self.status, self.screen = demo.run(options, console), console.export_text()
        (self.folder,) = output.iterdir()
        self.trace: dict[str, Any] = json.loads((self.folder / "trace.json").read_text())
        self.outcome: dict[str, Any] = self.trace["outcome"]
        self.brief = (self.folder / "briefs" / self.trace["invocation_id"] / "brief.html").read_text()
        self.state: dict[str, int] = json.loads((self.folder / "gemini" / "state.json").read_text())

    def last_run(self, agent: str) -> dict[str, Any]:
        """Return the last run of an agent."""
        return dict(self.trace["traces"][agent][-1])

    def answers(self) -> dict[str, dict[str, Any]]:
        """Return what each agent answered in the end."""
        return {agent: runs[-1]["agent_response"] for agent, runs in self.trace["traces"].items()}


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """
    One run with a model that takes a second for each answer.

    Calls 2 to 4 are the three parallel agents: none is answered before all three have arrived.
    """
    return Run(tmp_path_factory.mktemp("slow") / "output", latency_s=1.0, meeting=range(2, 5))


def test_full_path_takes_five_calls_three_in_series(slow: Run) -> None:
    """Round trips are the speed: detection, three side by side, the solution with the words of the brief."""
    assert slow.outcome["kind"] == "full", slow.screen
    assert slow.state["calls"] <= MAX_CALLS
    assert slow.state["longest_series"] <= MAX_IN_SERIES


def test_every_call_stands_in_the_trace_with_its_cost(slow: Run) -> None:
    """Tokens and dollars of the outcome are the sum of what each step's trace holds."""
    runs = [runs[-1] for runs in slow.trace["traces"].values()]
    calls = [call for run in runs for call in run["model_calls"]]

    assert len(calls) == slow.state["calls"]
    assert slow.outcome["tokens"] == sum(call["tokens_in"] + call["tokens_out"] for call in calls) > 0
    assert slow.outcome["cost_usd"] == pytest.approx(sum(call["cost_usd"] for call in calls))
    assert all(call["duration_ms"] >= 1000 and call["finish"] == "STOP" for call in calls)
    assert all(call["transcript_ref"] for call in calls)


def test_answers_say_which_model_made_them(slow: Run) -> None:
    """The reader knows who speaks."""
    agents = ("IncidentDetectionAgent", "RCAAgent", "SuggestionAgent", "CodeAnalyzerAgent", "SolutionGeneratorAgent")

    assert all(slow.answers()[agent]["produced_by"].startswith("gemini:") for agent in agents)
    assert "In short" in slow.brief


@pytest.mark.parametrize("fault", ["503", "cut_json", "SAFETY"])
def test_failing_model_ends_in_a_degraded_brief_with_a_pull_request(tmp_path: Path, fault: str) -> None:
    """Without a model the system does what rules can, and names what was missing."""
    run = Run(tmp_path / "output", fault=fault)

    assert run.status == 0, run.screen
    assert run.outcome["kind"] == "degraded"
    assert run.outcome["mail_status"] == "sent"
    assert run.answers()["PRCreatorAgent"]["status"] == "success"
    assert "offline analyst" in run.brief
    assert run.last_run("RCAAgent")["errors"]


def test_hostile_model_changes_nothing_but_words(tmp_path: Path) -> None:
    """The branch is code's exact revert, no request names a tool that writes, and nothing alive is in the brief."""
    run = Run(tmp_path / "output", script="hostile")
    answers = run.answers()

    assert run.outcome["kind"] in ("full", "degraded"), run.screen
    assert answers["SolutionGeneratorAgent"]["patch"]["strategy"] == "revert"
    assert not [path for path in answers["FileUpdaterAgent"]["files"] if ".github" in path or ".." in path]
    assert answers["PRCreatorAgent"]["draft"] is True
    assert "<script" not in run.brief
    assert not re.search(r"169\.254|deadbeef99|#4711|evil\.example/?\"", run.brief)
    requests = [json.loads(path.read_text()) for path in (run.folder / "gemini").glob("[0-9]*.json")]
    offered = {
        one["name"] for body in requests for tool in body.get("tools", []) for one in tool["functionDeclarations"]
    }
    assert offered == {"query_logs", "read_file", "search_code", "get_commit"}
