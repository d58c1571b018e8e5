"""The results of a set of runs: per scenario and in total, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from rich.table import Table

from infra.evals.run_scenario import Played
from infra.evals.scenario import EvalScenario
from infra.evals.score import Grounding, Verdict, fingerprint, grounding, judge


@dataclass(frozen=True)
class Result:
    """One scenario after all its runs; `agreement` is the share of runs with the most common answer."""

    name: str
    known_gap: str | None
    runs: int
    passed_runs: int
    agreement: float
    claims: int
    grounded: int
    tokens: int
    cost_usd: float
    seconds: float
    """The median of one run."""
    failures: tuple[Verdict, ...]
    """The failed verdicts of the first run that failed."""
    degraded: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every run met every expectation."""
        return self.passed_runs == self.runs


@dataclass(frozen=True)
class Report:
    """All scenarios; known gaps are reported but do not count against the pass rate."""

    model: str
    results: tuple[Result, ...]

    @property
    def counted(self) -> list[Result]:
        """The results that count: all but known gaps."""
        return [result for result in self.results if result.known_gap is None]

    @property
    def pass_rate(self) -> float:
        """Share of runs without a failure."""
        runs = sum(result.runs for result in self.counted)
        return sum(result.passed_runs for result in self.counted) / runs if runs else 1.0

    @property
    def stability(self) -> float:
        """Mean agreement of a scenario's runs."""
        return sum(result.agreement for result in self.results) / len(self.results) if self.results else 1.0

    @property
    def grounding(self) -> float:
        """Share of claims with evidence, known gaps included: a wrong answer is tolerated, an invented claim is not."""
        claims = sum(result.claims for result in self.results)
        return sum(result.grounded for result in self.results) / claims if claims else 1.0

    def as_json(self) -> dict[str, Any]:
        """Return the whole report, for a file."""
        totals = {"pass_rate": self.pass_rate, "stability": self.stability, "grounding": self.grounding}
        return {
            "model": self.model,
            **totals,
            "cost_usd": sum(result.cost_usd for result in self.results),
            "seconds": sum(result.seconds * result.runs for result in self.results),
            "scenarios": [{**asdict(result), "passed": result.passed} for result in self.results],
        }


def result_of(scenario: EvalScenario, played: Sequence[Played]) -> Result:
    """Return the result of all runs of one scenario."""
    judged = [judge(scenario, run) for run in played]
    failed = [[verdict for verdict in verdicts if not verdict.passed] for verdicts in judged]
    prints = [fingerprint(run) for run in played]
    grounds = [grounding(run) for run in played]
    total = Grounding(sum(each.claims for each in grounds), sum(each.grounded for each in grounds))
    return Result(
        name=scenario.name,
        known_gap=scenario.known_gap,
        runs=len(played),
        passed_runs=sum(not verdicts for verdicts in failed),
        agreement=max(prints.count(each) for each in prints) / len(prints),
        claims=total.claims,
        grounded=total.grounded,
        tokens=sum(run.tokens for run in played),
        cost_usd=sum(run.cost_usd for run in played),
        seconds=median(run.seconds for run in played),
        failures=tuple(next((verdicts for verdicts in failed if verdicts), ())),
        degraded=tuple(sorted({failure for run in played for failure in run.model_failures})),
    )


def table(report: Report) -> Table:
    """Return the report as a table for a terminal."""
    grid = Table(title=f"{len(report.results)} scenarios, answered by {report.model}")
    for column in ("scenario", "passed", "same answer", "grounded", "tokens", "USD", "seconds", "what failed"):
        grid.add_column(column, justify="left" if column in ("scenario", "what failed") else "right")
    for result in report.results:
        grid.add_row(*_row(result))
    totals = (f"{report.pass_rate:.0%}", f"{report.stability:.0%}", f"{report.grounding:.0%}")
    spent = (sum(result.tokens for result in report.results), sum(result.cost_usd for result in report.results))
    seconds = sum(result.seconds * result.runs for result in report.results)
    gaps = len(report.results) - len(report.counted)
    grid.add_section()
    grid.add_row("all", *totals, str(spent[0]), f"{spent[1]:.4f}", f"{seconds:.1f}", f"{gaps} known gaps, not counted")
    return grid


def _row(result: Result) -> tuple[str, ...]:
    colour = "green" if result.passed else "yellow" if result.known_gap else "red"
    why = [f"{verdict.wanted} (got {verdict.got[:80]})" for verdict in result.failures[:3]]
    why = [f"known gap: {result.known_gap}", *why] if result.known_gap else why
    return (
        f"[{colour}]{result.name}[/{colour}]",
        f"{result.passed_runs}/{result.runs}",
        f"{result.agreement:.0%}",
        f"{result.grounded}/{result.claims}",
        str(result.tokens),
        f"{result.cost_usd:.4f}",
        f"{result.seconds:.2f}",
        "\n".join([*why, *result.degraded[:1]]).replace("[", r"\["),
    )
