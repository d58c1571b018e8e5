"""Exact edits change only the quoted text, or nothing."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.code_host.edits import apply
from shared.code_host.port import FileWrite
from shared.contracts import FileEdit
from shared.errors import Rejected

TEXTS = st.text(alphabet="ab\n", max_size=12)
PIECES = st.text(alphabet="abc\n", min_size=1, max_size=6)


def edit(original: str | None, new: str | None, path: str = "shop/cart.py") -> FileEdit:
    """Return an edit of one file."""
    return FileEdit(path=path, original=original, new=new)


def outcome(text: str | None, *edits: FileEdit) -> str | None:
    """Apply the edits to a file holding `text` and return what it becomes."""
    return apply(edits, lambda _: text)[0].text


def starts(needle: str, text: str) -> int:
    """Count the positions where `needle` starts."""
    return sum(text.startswith(needle, position) for position in range(len(text)))


@settings(database=None, deadline=None, derandomize=True)
@given(before=TEXTS, original=PIECES, after=TEXTS, new=PIECES)
def test_applied_edit_changes_no_character_outside_itself(before: str, original: str, after: str, new: str) -> None:
    """The text before and after the edit stays unchanged."""
    text = before + original + after
    assume(starts(original, text) == 1 and original != new)

    assert outcome(text, edit(original, new)) == before + new + after


@settings(database=None, deadline=None, derandomize=True)
@given(text=st.text(alphabet="ab\n", max_size=30), original=st.text(alphabet="ab\n", max_size=4))
def test_absent_or_ambiguous_original_never_succeeds(text: str, original: str) -> None:
    """Text that does not occur, or occurs more than once (overlaps count), is rejected."""
    assume(starts(original, text) != 1 and text)

    with pytest.raises(Rejected, match=r"shop/cart\.py"):
        outcome(text, edit(original, "new"))


@settings(database=None, deadline=None, derandomize=True)
@given(lines=st.lists(st.sampled_from("abc"), min_size=1, max_size=8), new=st.sampled_from(["x", "x\ny", ""]))
def test_edit_with_bare_line_feeds_keeps_a_crlf_file_crlf(lines: list[str], new: str) -> None:
    """A file with only CRLF has only CRLF afterwards."""
    text = "".join(f"{line}\r\n" for line in [*lines, "end", "tail"])

    result = outcome(text, edit("end\ntail", f"{new}\ntail"))

    assert result == "".join(f"{line}\r\n" for line in lines) + f"{new}\ntail\n".replace("\n", "\r\n")


def test_mixed_newlines_are_left_alone() -> None:
    """In a file with both newline styles, the edit applies exactly as written."""
    assert outcome("a\r\nb\nc\r\n", edit("b\n", "x\ny\n")) == "a\r\nx\ny\nc\r\n"


def test_missing_final_newline_stays_missing() -> None:
    """A file that ends without a newline still does."""
    assert outcome("a\nb", edit("b", "c")) == "a\nc"


def test_edits_of_one_file_apply_in_order() -> None:
    """A later edit applies to the result of an earlier one."""
    assert outcome("one\n", edit("one", "two"), edit("two", "three")) == "three\n"


def test_writes_are_in_the_order_of_the_edits() -> None:
    """One write per file, in the order of each file's first edit."""
    edits = [edit("x", "y", "b.py"), edit("x", "z", "a.py"), edit("y", "w", "b.py")]

    assert apply(edits, lambda _: "x") == [FileWrite("b.py", "w"), FileWrite("a.py", "z")]


def test_file_is_created_when_absent() -> None:
    """No original creates the file."""
    assert outcome(None, edit(None, "text\n")) == "text\n"


def test_file_is_deleted_when_new_is_none() -> None:
    """No new text deletes the whole file."""
    assert outcome("text\nmore\n", edit("text", None)) is None


def test_empty_file_can_be_filled() -> None:
    """The empty text occurs once in an empty file, so it can be replaced there."""
    assert outcome("", edit("", "text\n")) == "text\n"


@pytest.mark.parametrize(
    ("text", "refused", "words"),
    [
        (None, edit("a", "b"), "not in the repository"),
        ("a", edit(None, "b"), "exists already"),
        ("a", edit(None, None), "neither original nor new"),
        ("a", edit("a", "a"), "changes nothing"),
        ("aaa", edit("aa", "b"), "more than once"),
        ("abc", edit("", "b"), "more than once"),
        ("abc", edit("x", "b"), "does not contain"),
    ],
)
def test_refusal_names_file_and_reason(text: str | None, refused: FileEdit, words: str) -> None:
    """The error says which file and why."""
    with pytest.raises(Rejected, match=rf"shop/cart\.py.*{words}"):
        outcome(text, refused)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "C:/x", "a\\b", "a/\n", ".git/config", "a/.GIT/hooks/x"]
)
def test_path_that_leaves_the_repository_is_refused(path: str) -> None:
    """Absolute, parent, doubled and git-internal paths are rejected before anything is read."""
    with pytest.raises(Rejected):
        apply([edit(None, "x", path)], lambda _: pytest.fail("read"))


@settings(database=None, deadline=None, derandomize=True)
@given(
    files=st.lists(st.text(alphabet="ab\r\n\ufeffé", max_size=14), min_size=1, max_size=3),
    changes=st.lists(st.tuples(st.integers(0, 2), PIECES, PIECES), min_size=1, max_size=4),
)
def test_edits_of_many_files_equal_exact_replacement_or_change_nothing(
    files: list[str], changes: list[tuple[int, str, str]]
) -> None:
    """Compared with a simple model: every edit replaces its one place, or the whole patch is rejected."""
    names = [f"f{number}.txt" for number in range(len(files))]
    edits = [edit(original, new, names[number % len(names)]) for number, original, new in changes]
    model: dict[str, str] = dict(zip(names, files, strict=True))
    is_possible = True
    for each in edits:
        original, new = in_style(each.original or "", model[each.path]), in_style(each.new or "", model[each.path])
        is_possible &= starts(original, model[each.path]) == 1 and original != new
        model[each.path] = model[each.path].replace(original, new, 1) if is_possible else model[each.path]

    if not is_possible:
        with pytest.raises(Rejected):
            apply(edits, dict(zip(names, files, strict=True)).get)
        return
    writes = apply(edits, dict(zip(names, files, strict=True)).get)
    assert {write.path: write.text for write in writes} == {each.path: model[each.path] for each in edits}


def in_style(text: str, current: str) -> str:
    """Return the text with CRLF if the file has only CRLF."""
    is_crlf = "\r\n" in current and "\n" not in current.replace("\r\n", "")
    return text.replace("\n", "\r\n") if is_crlf else text


@settings(database=None, deadline=None, derandomize=True)
@given(before=TEXTS, original=PIECES, after=TEXTS)
def test_deletion_needs_an_original_that_occurs_once(before: str, original: str, after: str) -> None:
    """A file is deleted only if the edit quotes text that occurs in it once."""
    text = before + original + after
    if starts(original, text) == 1:
        assert outcome(text, edit(original, None)) is None
    else:
        with pytest.raises(Rejected):
            outcome(text, edit(original, None))
