"""The caller of a guard comes before it; where the guard itself may be at fault it stays first."""

from datetime import UTC, datetime

import pytest

from shared.analysis.code import spans
from shared.analysis.code.line_history import Place
from shared.analysis.code.places.guards import callers_first, is_guard
from shared.analysis.code.places.location import CodeLocation
from shared.analysis.code.suspect_commits import Suspect
from shared.code_host.port import Commit, FileChange

MONEY = """def rounded(amount, digits=2):
    if amount is None:
        raise ValueError("no amount")
    return round(amount, digits)
"""
CART = "def total(lines):\n    return rounded(sum(lines))\n"


def location(path: str, text: str, line: int, evidence_id: str = "T1") -> CodeLocation:
    """Return the place of a line."""
    content = text.split("\n")[line - 1].strip()
    place = Place(path, line, content, spans.enclosing(path, text, line), 0)
    return CodeLocation(place, text, "it fails", "", (evidence_id,))


GUARD, CALLER = location("shop/money.py", MONEY, 3), location("shop/cart.py", CART, 2)


def order(*locations: CodeLocation, ranked: tuple[Suspect, ...] = ()) -> list[str]:
    """Return the files in their order."""
    return [each.place.path for each in callers_first(locations, ranked)]


def suspect(path: str, score: float) -> Suspect:
    """Return a suspect that changed a file."""
    at = datetime(2026, 5, 4, tzinfo=UTC)
    change = FileChange(path=path, status="modified", patch="")
    commit = Commit("a" * 40, "Ada", at, "Change", "", changes=(change,))
    return Suspect(commit, score, (), change)


def test_caller_of_a_guard_comes_first() -> None:
    """The guard did its work."""
    assert order(GUARD, CALLER) == ["shop/cart.py", "shop/money.py"]


def test_helper_that_fails_by_its_parameters_alone_is_one() -> None:
    """Whatever it is called with, it has nothing else to go wrong by."""
    assert order(location("shop/money.py", MONEY, 4), CALLER) == ["shop/cart.py", "shop/money.py"]


@pytest.mark.parametrize(
    ("text", "line", "guards"),
    [
        (MONEY, 3, True),
        (MONEY, 4, True),
        ("def f(self, key):\n    return self.items[key]\n", 2, False),
        ("def f(key):\n    return CACHE[key]\n", 2, False),
        ("def f(key):\n    total = 0\n    return total / len(key)\n", 3, False),
        ("def f():\n    return 1 / 0\n", 2, False),
        ("function f(cart) {\n  throw new Error('empty')\n}\n", 2, True),
        ("def f(order: Order, by=None):\n    return order.lines[by].price\n", 2, True),
    ],
)
def test_line_that_uses_parameters_alone_guards(text: str, line: int, guards: bool) -> None:
    """Globals, state and what the function computed can be wrong themselves."""
    assert is_guard(location("f.py" if text.startswith("def") else "f.js", text, line)) is guards


@pytest.mark.parametrize(
    "caller",
    [
        location("shop/money.py", MONEY + CART, 6),
        location("tests/test_money.py", CART, 2),
        location("shop/run.py", "def run(task, lines):\n    return task(lines)\n", 2),
        location("shop/cart.py", CART, 2, "T2"),
    ],
    ids=["in the same file", "a test", "that does not name it", "of another trace"],
)
def test_guard_stays_first_without_a_caller_of_its_own(caller: CodeLocation) -> None:
    """Only code elsewhere that calls it by name can have misused it."""
    assert order(GUARD, caller)[0] == "shop/money.py"


def test_guard_that_a_suspect_changed_stays_first() -> None:
    """It may be wrong itself; a weak suspect, or one of another file, moves nothing."""
    assert order(GUARD, CALLER, ranked=(suspect("shop/money.py", 0.6),))[0] == "shop/money.py"
    assert order(GUARD, CALLER, ranked=(suspect("shop/money.py", 0.2),))[0] == "shop/cart.py"
    assert order(GUARD, CALLER, ranked=(suspect("shop/cart.py", 0.6),))[0] == "shop/cart.py"


def test_one_place_alone_stays() -> None:
    """There is nothing to choose."""
    assert order(GUARD) == ["shop/money.py"]
    assert order() == []
