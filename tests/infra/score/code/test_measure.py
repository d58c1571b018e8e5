"""The whole part: every incident is measured, and the tables hold what is at hand."""

from dataclasses import asdict

from infra.score.code.measure import measure
from infra.score.part import Options
from tests.infra.score.code.small_cases import Shop


def test_every_incident_is_measured(small_shop: Shop) -> None:
    """Tables that need a repository count those that have one; progress names each incident."""
    progress: list[str] = []

    score = measure(Options(small_shop.cases, small_shop.repos), progress.append)

    titles = {table.title: table for table in score.tables}
    assert list(titles) == ["Detection", "Files", "Commits", "Drafts", "Calibration", "Cost"]
    assert [line.split(":")[0] for line in progress] == ["exe-shop-1", "msg-other-1"]
    assert titles["Files"].rows[0][:4] == ("executed", "analyst", "1", "1/1 100%")
    assert titles["Drafts"].rows == (("exe-shop-1", "gold-bisect", small_shop.culprit[:12], "yes", "none"),)
    assert [one["name"] for one in score.figures["observations"]] == ["exe-shop-1", "msg-other-1"]
    assert asdict(titles["Cost"])["rows"][0][0] == "2"
