"""The score counts every alert once, in the row of its source, and repeats itself."""

from pathlib import Path
from typing import Any

import pytest

from infra.score.microservice.measure import measure
from infra.score.part import Options, PartScore, ScoreTable
from tests.infra.score.microservice.small_cases import two_cases

LABELS = ["critical", "warning", "absent"]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fault and a control."""
    return two_cases(tmp_path_factory.mktemp("cases"))


@pytest.fixture(scope="module")
def score(cases: Path) -> PartScore:
    """The score of both."""
    return measure(Options(cases), lambda _: None)


def rows(table: ScoreTable, **cells: str) -> list[dict[str, str]]:
    """Return the rows in which these columns hold these cells; `alert_on` is the column `alert on`."""
    listed = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    wanted = {name.replace("_", " "): cell for name, cell in cells.items()}
    return [row for row in listed if wanted.items() <= row.items()]


def test_verdicts_are_counted_by_source_and_severity_label(score: PartScore) -> None:
    """The culprit is an incident with each label; a control never is, with and without metrics."""
    table = score.tables[0]

    culprit = rows(table, alert_on="the culprit itself", who="analyst", metrics="default queries")
    controls = rows(table, alert_on="a control", who="analyst")
    assert [(row["severity label"], row["incident"], row["right, all"]) for row in culprit] == [
        (label, "1", "1/1 100%") for label in LABELS
    ]
    assert {row["metrics"] for row in controls} == {"none", "generated healthy"}
    assert {(row["alerts"], row["incident"], row["right, all"]) for row in controls} == {("2", "0", "2/2 100%")}


def test_unaffected_service_is_counted_but_not_judged(score: PartScore) -> None:
    """Whether something else was wrong there is not known."""
    (row, *_) = rows(score.tables[0], alert_on="an unaffected service", who="analyst")

    assert (row["alerts"], row["right, all"]) == ("1", "")


def test_always_incident_is_right_in_faults_and_wrong_on_controls(score: PartScore) -> None:
    """The baseline that an analyst must beat without missing a fault."""
    (culprit,) = rows(score.tables[0], alert_on="the culprit itself", who="always incident")
    (control,) = rows(score.tables[0], alert_on="a control", who="always incident")

    assert (culprit["right, all"], control["right, all"]) == ("1/1 100%", "0/2 0%")


def test_culprit_is_ranked_from_itself_and_from_an_affected_service(score: PartScore) -> None:
    """Error lines name the culprit wherever the alert is, and so does the analyst, who follows the requests."""
    table = score.tables[1]

    def first(alert_on: str, who: str) -> list[str]:
        return [row["first, all"] for row in rows(table, alert_on=alert_on, who=who)]

    assert first("an affected service", "most error lines") == ["1/1 100%"]
    assert first("an affected service", "the alerted service") == ["0/1 0%"]
    assert first("the culprit itself", "the alerted service") == ["1/1 100%"]
    assert set(first("an affected service", "analyst")) == {"1/1 100%"}
    assert len(first("the culprit itself", "analyst")) == 2 * len(LABELS)


def test_each_half_is_reported_apart(score: PartScore) -> None:
    """The incident stands in one half, and the other has none."""
    (row,) = rows(score.tables[1], alert_on="the culprit itself", who="the alerted service")

    assert sorted([row["first, tuned on"], row["first, reported on"]]) == ["-", "1/1 100%"]


def test_fault_type_stands_next_to_the_most_frequent_one(score: PartScore) -> None:
    """Six answers of the analyst and one baseline for each source."""
    table = score.tables[2]

    assert len(rows(table, alert_on="the culprit itself", who="analyst")) == 2 * len(LABELS)
    assert len(rows(table, alert_on="the culprit itself")) == 2 * len(LABELS) + 1


def test_cost_counts_every_alert(score: PartScore) -> None:
    """Three services with two kinds of metrics, two controls with two, three labels each."""
    (row,) = rows(score.tables[3])

    assert row["alerts"] == str((3 * 2 + 2 * 2) * 3)
    assert float(row["peak memory MB"]) > 20


def test_same_incidents_give_the_same_score(score: PartScore, cases: Path) -> None:
    """All but the seconds."""

    def answers(one: PartScore) -> list[dict[str, Any]]:
        return [{**row, "seconds": 0} for row in one.figures["observations"]]

    lines: list[str] = []
    again = measure(Options(cases), lines.append)

    assert answers(again) == answers(score)
    assert again.tables[:3] == score.tables[:3]
    assert len(lines) == 4
