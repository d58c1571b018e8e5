"""Tables count places as they are, the analyst's and the baselines' alike."""

from dataclasses import replace

from infra.score.code.crashes import CrashObservation
from infra.score.code.drafts import Draft
from infra.score.code.observe import CodeObservation
from infra.score.code.report import tables
from infra.score.code.reverts import RevertObservation

ONE = CodeObservation(
    name="exe-1",
    kind="executed",
    half="reported on",
    tier="gold-bisect",
    has_repository=True,
    is_incident=True,
    incident_type="code_issue",
    is_exception_right=True,
    is_frame_right=True,
    named_file="a.py",
    file_rank=2,
    file_rank_baseline=1,
    suspect="a" * 40,
    commit_rank=4,
    newest_rank=1,
    blame_rank=None,
    confidence=0.75,
    suspect_score=0.9,
    draft=None,
    why_none="No commit is certain enough to revert.",
    seconds=0.5,
)


def rows(title: str, *observed: CodeObservation) -> list[tuple[str, ...]]:
    """Return the rows of a table."""
    return [row for table in tables(observed, [], []) if table.title == title for row in table.rows]


def test_places_are_counted_for_analyst_and_baseline_alike() -> None:
    """The second file is not the first, and is among three; the fourth commit is among five."""
    assert [row[1:4] for row in rows("Files", ONE)] == [
        ("analyst", "1", "0/1 0%"),
        ("analyst", "3", "1/1 100%"),
        ("deepest frames", "1", "1/1 100%"),
        ("deepest frames", "3", "1/1 100%"),
    ]
    assert [row[3] for row in rows("Commits", ONE) if row[1] == "analyst"] == ["0/1 0%", "0/1 0%", "1/1 100%"]


def test_incident_without_its_repository_counts_for_no_file() -> None:
    """It was not to be read."""
    assert rows("Files", replace(ONE, has_repository=False)) == []
    assert len(rows("Detection", replace(ONE, has_repository=False))) == 4


def test_draft_of_another_commit_than_the_culprit_is_called_so() -> None:
    """And where no culprit is known, that is said."""
    draft = Draft("b" * 40, ("a.py imports x of b.py",))
    wrong, unknown = replace(ONE, draft=draft), replace(ONE, draft=draft, tier="none", commit_rank=None)

    assert [row[3] for row in rows("Drafts", wrong, unknown)] == ["no", "not known"]
    assert rows("Drafts", wrong)[0][4] == "a.py imports x of b.py"


def test_what_was_not_drafted_is_counted_by_its_reason() -> None:
    """Of incidents whose culprit is known."""
    assert rows("Not drafted", ONE, ONE, replace(ONE, tier="none")) == [
        ("gold-bisect", "2", "No commit is certain enough to revert.")
    ]


def test_reverts_and_crashes_have_rows_of_their_own() -> None:
    """Beside their baselines."""
    reverted = [RevertObservation("r", "o/n", "reported on", 3, 1, 0.2)]
    crashed = [CrashObservation("c", "reported on", 1, 2)]

    listed = [row for table in tables([ONE], crashed, reverted) for row in table.rows]

    assert ("reverts", "analyst", "3", "1/1 100%", "-", "1/1 100%") in listed
    assert ("crashes", "deepest frames", "1", "0/1 0%", "-", "0/1 0%") in listed
