"""Promises of exact edits: only what is named changes, or nothing does."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.code_host.edits import apply, check, is_protected
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
    """Count every place where `needle` begins."""
    return sum(text.startswith(needle, position) for position in range(len(text)))


@settings(database=None, deadline=None, derandomize=True)
@given(before=TEXTS, original=PIECES, after=TEXTS, new=PIECES)
def test_applied_edit_changes_no_character_outside_itself(before: str, original: str, after: str, new: str) -> None:
    """What lies before and after the edited text stays as it was."""
    text = before + original + after
    assume(starts(original, text) == 1 and original != new)

    assert outcome(text, edit(original, new)) == before + new + after


@settings(database=None, deadline=None, derandomize=True)
@given(text=st.text(alphabet="ab\n", max_size=30), original=st.text(alphabet="ab\n", max_size=4))
def test_absent_or_ambiguous_original_never_succeeds(text: str, original: str) -> None:
    """Text that occurs never, or more than once with overlaps counted, is refused."""
    assume(starts(original, text) != 1 and text)

    with pytest.raises(Rejected, match=r"shop/cart\.py"):
        outcome(text, edit(original, "new"))


@settings(database=None, deadline=None, derandomize=True)
@given(lines=st.lists(st.sampled_from("abc"), min_size=1, max_size=8), new=st.sampled_from(["x", "x\ny", ""]))
def test_edit_in_bare_line_feeds_keeps_a_crlf_file_crlf(lines: list[str], new: str) -> None:
    """A file that knows only CRLF knows only CRLF afterwards."""
    text = "".join(f"{line}\r\n" for line in [*lines, "end", "tail"])

    result = outcome(text, edit("end\ntail", f"{new}\ntail"))

    assert result == "".join(f"{line}\r\n" for line in lines) + f"{new}\ntail\n".replace("\n", "\r\n")


def test_mixed_newlines_are_left_alone() -> None:
    """A file with both newline styles is edited to the letter."""
    assert outcome("a\r\nb\nc\r\n", edit("b\n", "x\ny\n")) == "a\r\nx\ny\nc\r\n"


def test_missing_final_newline_stays_missing() -> None:
    """A file that ends without a newline still does."""
    assert outcome("a\nb", edit("b", "c")) == "a\nc"


def test_edits_of_one_file_apply_in_order() -> None:
    """A later edit sees what an earlier one left."""
    assert outcome("one\n", edit("one", "two"), edit("two", "three")) == "three\n"


def test_writes_come_in_the_order_files_are_named() -> None:
    """One write per file, first named first."""
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
    """Every refusal says which file and why."""
    with pytest.raises(Rejected, match=rf"shop/cart\.py.*{words}"):
        outcome(text, refused)


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "C:/x", "a\\b", "a/\n", ".git/config", "a/.GIT/hooks/x"]
)
def test_path_that_leaves_the_repository_is_refused(path: str) -> None:
    """Absolute, parent, doubled and git-internal paths are refused before anything is read."""
    with pytest.raises(Rejected):
        apply([edit(None, "x", path)], lambda _: pytest.fail("read"))


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        "sub/.github/x",
        ".gitlab-ci.yml",
        "CODEOWNERS",
        "docs/CODEOWNERS",
        "poetry.lock",
        "web/package-lock.json",
        "go.sum",
        ".env",
        "conf/.env.production",
        "deploy/secrets.yaml",
        "keys/server.pem",
        "Jenkinsfile",
        "infra/prod.tfstate",
    ],
)
def test_protected_path_is_denied_by_default(path: str) -> None:
    """CI, owners, lockfiles and secrets are not for machines to change."""
    with pytest.raises(Rejected, match="protected"):
        check([FileWrite(path, "x")], lambda _: None)


@pytest.mark.parametrize(
    "path", ["shop/cart.py", "src/blocks.rs", "docs/github.md", "environment.py", "config/app.yaml"]
)
def test_ordinary_path_is_free(path: str) -> None:
    """Names that only resemble protected ones are free."""
    assert not is_protected(path)


def test_allowed_pattern_lifts_the_protection() -> None:
    """The operator's patterns lift the protection of what they match."""
    check([FileWrite(".github/dependabot.yml", "a: 1\n")], lambda _: None, allowed=[".github/dependabot.yml"])


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("a.py", "x = 1\n", "x = (\n"),
        ("a.json", "{}", "{"),
        ("a.yaml", "a: !Ref b\n---\nc: 1\n", "a: [\n"),
        ("a.py", "x = '\\d'\n", "x = 1\0\n"),
    ],
)
def test_text_that_stops_parsing_is_refused(path: str, good: str, bad: str) -> None:
    """A file that parsed must still parse."""
    check([FileWrite(path, good)], lambda _: good)

    with pytest.raises(Rejected, match="no longer parse"):
        check([FileWrite(path, bad)], lambda _: good)


def test_text_that_never_parsed_is_not_judged() -> None:
    """A template that is no Python is not held to Python."""
    check([FileWrite("a.py", "{% if y %}")], lambda _: "{% if x %}")


def test_huge_patch_is_refused() -> None:
    """What a patch writes is bounded."""
    with pytest.raises(Rejected, match="more than"):
        check([FileWrite("a.txt", "x" * 1_000_001)], lambda _: None)
