"""Ranking of suspect commits."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.analysis.code import spans
from shared.analysis.code.line_history import Place
from shared.analysis.code.suspect_commits import MAX_DETAILS, MAX_HISTORIES, Clues, Suspect, rank, words_of
from tests.fakes_code_host import START, GitReader, Repository

CART = """def total(lines):
    result = 0
    for line in lines:
        result += line.price
    return result


def count(lines):
    return len(lines)
"""
BEGAN = START + timedelta(days=30)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository whose cart is half a year old."""
    repository = Repository(tmp_path / "repository")
    repository.commit({"cart.py": CART}, "Add the cart", at=START - timedelta(days=180))
    return repository


def day(number: float) -> datetime:
    """Return the time so many days after the start."""
    return START + timedelta(days=number)


def place(repository: Repository, words: str, path: str = "cart.py", depth: int = 0) -> Place:
    """Return the place of the line that holds `words` at the head."""
    text = GitReader(repository.folder).read(path, "HEAD") or ""
    line = text[: text.index(words)].count("\n") + 1
    return Place(path, line, text.split("\n")[line - 1].strip(), spans.enclosing(path, text, line), depth)


def ranked(repository: Repository, *places: Place, message: str = "", began: datetime = BEGAN) -> list[Suspect]:
    """Rank the commits of the head."""
    return rank(GitReader(repository.folder), "HEAD", Clues(places, words_of(message), began))


def test_commit_that_wrote_the_failing_line_comes_first(repository: Repository) -> None:
    """To have written the failing line counts more than to be the newest."""
    bad = repository.commit({"cart.py": CART.replace("line.price", "line.cost")}, at=day(26))
    repository.commit({"cart.py": "# The cart.\n" + CART.replace("line.price", "line.cost")}, at=day(29))

    best = ranked(repository, place(repository, "line.cost"))[0]

    assert best.commit.sha == bad
    assert "wrote the line cart.py:5" in best.reasons[0]


def test_line_is_followed_through_later_commits_that_move_it(repository: Repository) -> None:
    """Lines added above do not hide the commit that wrote the line."""
    bad = repository.commit({"cart.py": CART.replace("line.price", "line.cost")}, at=day(20))
    for number in range(3):
        text = GitReader(repository.folder).read("cart.py", "HEAD") or ""
        repository.commit({"cart.py": f"A{number} = {number}\n" + text}, at=day(21 + number))

    assert ranked(repository, place(repository, "line.cost"))[0].commit.sha == bad


def test_commit_in_the_function_ranks_above_one_elsewhere_in_the_file(repository: Repository) -> None:
    """A check removed from the failing function explains more than a newer change near it."""
    guarded = CART.replace("    result = 0\n", "    if lines is None:\n        return 0\n    result = 0\n")
    repository.commit({"cart.py": guarded}, at=day(-90))
    bad = repository.commit({"cart.py": CART}, "Simplify", at=day(28))
    repository.commit({"cart.py": CART.replace("len(lines)", "len(list(lines))")}, at=day(29))

    assert ranked(repository, place(repository, "for line"))[0].commit.sha == bad


def test_words_of_the_message_raise_a_commit(repository: Repository) -> None:
    """Of two equal commits, the one that changes what the message names explains more."""
    named = repository.commit({"cart.py": CART + "\n\nCURRENCIES = {}\n"}, at=day(27))
    newer = repository.commit({"cart.py": CART + "\n\nCURRENCIES = {}\n\n\nLIMIT = 3\n"}, at=day(28))

    shas = [each.commit.sha for each in ranked(repository, place(repository, "result += "), message="no CURRENCIES")]

    assert shas.index(named) < shas.index(newer)


def test_commit_after_the_failure_has_a_low_score(repository: Repository) -> None:
    """A later commit cannot be the cause unless a clock is wrong, so it stays in the list."""
    earlier = repository.commit({"cart.py": CART.replace("result = 0", "result = 0.0")}, at=day(20))
    later = repository.commit({"cart.py": CART.replace("result = 0", "result = None")}, at=day(31))

    suspects = ranked(repository, place(repository, "result += "))

    assert suspects[0].commit.sha == earlier
    assert next(each.score for each in suspects if each.commit.sha == later) < 0.15


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(minutes=3), "committed 3 min before the failure"),
        (timedelta(hours=5), "committed 5 h before the failure"),
        (timedelta(days=4), "committed 4 days before the failure"),
        (timedelta(minutes=-20), "committed 20 min after the failure began"),
    ],
)
def test_age_of_a_commit_is_in_a_unit_that_shows_it(repository: Repository, before: timedelta, words: str) -> None:
    """Minutes are no zero hours."""
    sha = repository.commit({"cart.py": CART.replace("line.price", "line.cost")}, at=BEGAN - before)

    suspects = ranked(repository, place(repository, "line.cost"))

    assert words in next(one for one in suspects if one.commit.sha == sha).reasons


def test_commit_of_documentation_only_has_a_low_score(repository: Repository) -> None:
    """Documentation cannot cause a failure."""
    repository.commit({"guide.md": "result += line.price\n"}, at=day(29))

    suspects = ranked(repository, place(repository, "line.price", "guide.md"))

    assert suspects[0].score < 0.1
    assert "it changes only documentation" in suspects[0].reasons


def test_deeper_place_counts_more(repository: Repository) -> None:
    """The commit that wrote the failing line comes before the one that wrote the call."""
    caller = repository.commit({"api.py": "def get(cart):\n    return total(cart)\n"}, at=day(29))
    writer = repository.commit({"cart.py": CART.replace("line.price", "line.cost")}, at=day(28))
    places = (place(repository, "line.cost"), place(repository, "total(cart)", "api.py", depth=1))

    assert [each.commit.sha for each in ranked(repository, *places)][:2] == [writer, caller]


def test_history_is_followed_under_the_former_name(repository: Repository) -> None:
    """The culprit may have changed the file under its old name."""
    bad = repository.commit({"cart.py": CART.replace("line.price", "line.cost")}, at=day(20))
    repository.commit({"cart.py": None, "shop/cart.py": CART.replace("line.price", "line.cost")}, at=day(25))

    assert ranked(repository, place(repository, "line.cost", "shop/cart.py"))[0].commit.sha == bad


def test_newest_commits_are_used_when_no_location_is_known(repository: Repository) -> None:
    """Without locations only time and words count, so the scores are low."""
    repository.commit({"queue.py": "RETRIES = 0\n"}, at=day(10))
    newest = repository.commit({"queue.py": "RETRIES = 1\n"}, at=day(29))

    suspects = ranked(repository)

    assert suspects[0].commit.sha == newest
    assert suspects[0].score < 0.3


def test_without_a_place_the_newest_leads_whatever_its_subject_says(repository: Repository) -> None:
    """Between commits of the same day, order says more than words like "refactor"."""
    repository.commit({"queue.py": "RETRIES = 0\n"}, "Refactor, simplify and replace the queue", at=day(29))
    newest = repository.commit({"queue.py": "RETRIES = 1\n"}, "Set it", at=day(29.1))

    assert ranked(repository)[0].commit.sha == newest


def test_without_a_place_words_of_the_failure_lead(repository: Repository) -> None:
    """What a commit changed says more than when it did."""
    named = repository.commit({"queue.py": "basket_limit = 0\n"}, at=day(28))
    repository.commit({"other.py": "LEVEL = 1\n"}, at=day(29))

    assert ranked(repository, message="basket_limit")[0].commit.sha == named


def test_number_of_calls_does_not_grow_with_the_history(repository: Repository) -> None:
    """However long the histories are, the number of calls to the code host is limited."""
    for number in range(25):
        repository.commit({"cart.py": CART + f"N = {number}\n", "api.py": f"N = {number}\n"}, at=day(number / 10))
    reader = GitReader(repository.folder)

    rank(reader, "HEAD", Clues([place(repository, "line.price")], frozenset(), BEGAN))

    assert len(reader.calls) <= MAX_HISTORIES + MAX_DETAILS + 2


def test_same_input_gives_the_same_ranking(repository: Repository) -> None:
    """The order of equal commits is fixed."""
    for number in range(5):
        repository.commit({"cart.py": CART + f"N = {number}\n"}, at=day(20))

    assert ranked(repository, place(repository, "line.price")) == ranked(repository, place(repository, "line.price"))


def test_words_without_meaning_are_left_out() -> None:
    """Names describe a failure; words that are in every message do not."""
    assert words_of("'NoneType' object has no attribute 'unit_price'") == {"nonetype", "unit_price"}
