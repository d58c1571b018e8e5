"""Contracts keep their bounds: texts and lists shorten themselves, and no change gets around the checks."""

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from shared.bounds import Address, AtMost, Contract, FilePath, Keep, Line, Ref, Url, Verbatim, both_ends, map_texts


class Report(Contract):
    """A contract with one field of each kind."""

    title: Line = ""
    excerpt: Annotated[str, Field(min_length=1), Verbatim(5)] = "-"
    path: FilePath = ""
    link: Url = ""
    branch: Ref | None = None
    score: float = Field(0, ge=0, le=1)
    pieces: Annotated[list[str], Keep(3, rank=lambda report, piece: piece in report.wanted)] = Field(
        default_factory=list
    )
    counts: Annotated[dict[str, int], Keep(2, rank=lambda _, pair: pair[1])] = Field(default_factory=dict)
    wanted: list[str] = Field(default_factory=list)


def test_long_prose_is_truncated_and_says_so() -> None:
    """A reader sees that there was more."""
    report = Report(title="x" * 400)

    assert report.title == "x" * 299 + "…"
    assert Report(title=report.title) == report


def test_prose_at_its_bound_stays_whole() -> None:
    """Nothing is lost without need."""
    assert Report(title="x" * 300).title == "x" * 300


def test_a_verbatim_text_is_truncated_without_a_mark() -> None:
    """A quote must be found in its source."""
    assert Report(excerpt="abcdefgh").excerpt == "abcde"


def test_a_path_keeps_its_end() -> None:
    """By its own name it differs from others."""
    assert Report(path="d/" * 400 + "pricing.py").path.endswith("/pricing.py")
    assert len(Report(path="d/" * 400 + "pricing.py").path) == 500


def test_a_link_that_is_too_long_is_left_out() -> None:
    """Part of an address leads nowhere."""
    assert Report(link="https://example.com/" + "x" * 2000).link == ""


def test_a_branch_that_is_too_long_is_refused() -> None:
    """Part of a name names something else."""
    with pytest.raises(ValidationError, match="branch"):
        Report(branch="x" * 256)


@pytest.mark.parametrize("value", [None, 3, ["text"]])
def test_only_text_is_a_text(value: object) -> None:
    """Cutting does not turn other values into text."""
    with pytest.raises(ValidationError, match="title"):
        Report.model_validate({"title": value})


def test_a_long_list_keeps_the_first_and_says_how_many_it_lost() -> None:
    """Lists are in the order of importance unless they say otherwise."""
    report = Report(pieces=["a", "b", "c", "d", "e"])

    assert report.pieces == ["a", "b", "c"]
    assert report.left_out == {"pieces": 2}


def test_a_long_list_keeps_what_ranks_highest_in_its_order() -> None:
    """What the rest of the contract rests on is not lost."""
    report = Report(pieces=["a", "b", "c", "d", "e"], wanted=["e", "d"])

    assert report.pieces == ["a", "d", "e"]


def test_entries_that_are_alike_count_one_each() -> None:
    """The bound holds for a list of one text over and over."""
    assert Report(pieces=["a"] * 9).pieces == ["a"] * 3


def test_a_long_mapping_keeps_the_largest_counts() -> None:
    """Rare kinds go first."""
    report = Report(counts={"rare": 1, "often": 9, "usual": 5})

    assert report.counts == {"often": 9, "usual": 5}
    assert report.left_out == {"counts": 1}


def test_what_is_left_out_survives_the_way_and_another_change() -> None:
    """The number is still there after JSON, and grows when the list is cut again."""
    report = Report.model_validate_json(Report(pieces=["a"] * 5).model_dump_json())

    assert report.replace(score=0.5).left_out == {"pieces": 2}
    assert report.replace(pieces=["b"] * 4).left_out == {"pieces": 3}


def test_nothing_left_out_is_not_mentioned() -> None:
    """A message of usual size carries no empty note."""
    assert "left_out" not in Report(pieces=["a"]).model_dump()


def test_the_bounds_stand_in_the_json_schema() -> None:
    """A model and the workflow's check read them there."""
    properties = Report.model_json_schema()["properties"]

    assert properties["title"]["maxLength"] == 300
    assert properties["excerpt"]["minLength"] == 1
    assert properties["pieces"]["maxItems"] == 3
    assert properties["counts"]["maxProperties"] == 2


def test_a_change_is_checked() -> None:
    """A value that a new contract refuses is refused in a changed one."""
    with pytest.raises(ValidationError, match="score"):
        Report().replace(score=7)


def test_a_change_of_an_unknown_field_is_refused() -> None:
    """A misspelt name would otherwise be ignored, as unknown fields of messages are."""
    with pytest.raises(TypeError, match="Report has no field nonsense"):
        Report().replace(nonsense=1)


@pytest.mark.parametrize("change", [{"score": 7}, {"nonsense": 1}])
def test_the_way_of_pydantic_is_checked_too(change: dict[str, int]) -> None:
    """`model_copy` itself skips every check."""
    with pytest.raises((ValidationError, TypeError)):
        Report().model_copy(update=change)


def test_a_change_truncates_too_long_texts() -> None:
    """A changed text keeps the same bound."""
    assert len(Report().replace(title="x" * 400).title) == 300


def test_a_change_leaves_the_original_as_it_is() -> None:
    """Contracts are immutable."""
    report = Report(title="before")

    assert (report.replace(title="after").title, report.title) == ("after", "before")
    with pytest.raises(ValidationError, match="frozen"):
        report.title = "after"  # type: ignore[misc]  # what the test is about


def test_a_mark_longer_than_one_character_still_fits() -> None:
    """The mark counts in the bound."""
    assert AtMost(5, mark="...").shorten("abcdefgh") == "ab..."


def test_both_ends_leave_the_middle_out() -> None:
    """Two long lines may differ only at their ends."""
    assert both_ends("short", 20) == "short"
    assert both_ends("a" * 30 + "b" * 30, 21) == "aaaaaaaaa … bbbbbbbbb"


class Chapter(Contract):
    """A contract that holds others, and a text that may be absent."""

    report: Report | None = None
    reports: list[Report] = Field(default_factory=list)
    notes: list[Line] = Field(default_factory=list)
    page: Url | None = None


def test_every_text_of_one_kind_is_changed_however_deep() -> None:
    """A kind of text has one place where all of it passes; quotes and addresses are of another kind."""
    inner = Report(title="a", excerpt="b", link="https://c")
    chapter = Chapter(report=inner, reports=[inner], notes=["d"], page="https://e")

    louder = map_texts(chapter, AtMost, str.upper)

    assert [one.title for one in (louder.report, *louder.reports) if one] == ["A", "A"]
    assert louder.notes == ["D"]
    assert louder.replace(report=inner, reports=[inner], notes=["d"]) == chapter


def test_a_text_that_becomes_empty_is_absent_where_it_may_be() -> None:
    """A field that is None without a text must not hold an empty one."""
    chapter = map_texts(Chapter(page="https://e", reports=[Report(link="https://c")]), Address, lambda _: "")

    assert (chapter.page, chapter.reports[0].link) == (None, "")
