"""Which place comes first, and what is added where the frames lead to few files."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.analysis.code.analyze import analyze
from shared.contracts import Alert, CodeAnalysis, Frame, Incident, LogPattern, StackTrace
from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable
from tests.fakes_code_host import START, GitReader, Repository

CART = """from shop.prices import Price, load
from shop.money import rounded


def total(lines):
    prices, missing = load(lines)
    amounts = [price.amount for price in prices]
    return rounded(amounts)
"""
PRICES = "class Price:\n    amount = 0\n\n\ndef load(lines):\n    return [], []\n"
MONEY = "def rounded(amounts):\n    return round(sum(amounts), 2)\n"
HEADERS = 'def user(headers):\n    return headers["X-Shop-User"]\n'
ORDERS = """def place(order, log):
    log.error(
        "the order was not placed, "
        "its stock is gone"
    )
"""
ONSET = START + timedelta(days=200)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a shop whose files were all written long before the onset."""
    repository = Repository(tmp_path / "repository")
    for name, text in {"cart": CART, "prices": PRICES, "money": MONEY, "headers": HEADERS, "orders": ORDERS}.items():
        repository.commit({f"shop/{name}.py": text}, f"Add the {name}")
    return repository


def at_line(path: str, line: int, text: str) -> Frame:
    """Return an own frame on a line of a file."""
    return Frame(path=f"/app/{path}", line=line, code=text.split("\n")[line - 1].strip(), in_app=True)


def analyzed(
    repository: Repository, *frames: Frame, patterns: tuple[LogPattern, ...] = (), **fields: Any
) -> CodeAnalysis:
    """Analyze an incident with one trace of these frames, or with these patterns."""
    values: dict[str, Any] = {"language": "python", "exception_type": "TypeError", "count": 9, "evidence_id": "T1"}
    traces = [StackTrace(frames=list(frames), first_seen=ONSET, last_seen=ONSET, **{**values, **fields})]
    incident = Incident(
        incident_detected=True,
        recommendation="proceed",
        severity="high",
        incident_type_hint="code_issue",
        start=ONSET - timedelta(minutes=15),
        end=ONSET + timedelta(minutes=5),
        onset=ONSET,
        stack_traces=traces if frames else [],
        patterns=list(patterns),
    )
    alert = Alert(
        incident_id="inc-000001",
        service_name="shop",
        start=incident.start,
        end=incident.end,
        received_at=incident.end,
    )
    return analyze(alert, incident, GitReader(repository.folder, "main"), "main")


def files(analysis: CodeAnalysis) -> list[str]:
    """Return the files of the places, in their order."""
    return [each.path for each in analysis.problematic_files]


def test_function_that_made_what_the_line_uses_is_a_place(repository: Repository) -> None:
    """The line fails on what another file's function returned, and no frame is there."""
    analysis = analyzed(repository, at_line("shop/cart.py", 7, CART))

    assert files(analysis) == ["shop/cart.py", "shop/prices.py"]
    assert (analysis.problematic_files[1].function_name, analysis.problematic_files[1].line_start) == ("load", 5)
    assert "load() made what the failing line uses" in analysis.problematic_files[1].issue_description


@pytest.mark.parametrize(
    ("exception_type", "message", "expected"),
    [
        ("AttributeError", "'Price' object has no attribute 'net'", "shop/prices.py"),
        ("TypeError", "Price.__init__() missing 1 required positional argument: 'net'", "shop/prices.py"),
        ("TypeError", "rounded() takes 1 positional argument but 2 were given", "shop/money.py"),
        ("KeyError", "'X-Shop-User'", "shop/headers.py"),
    ],
)
def test_what_the_message_names_is_a_place(
    repository: Repository, exception_type: str, message: str, expected: str
) -> None:
    """A class, a function or a key of the message is defined in a file without a frame."""
    frame = at_line("shop/orders.py", 1, ORDERS)

    analysis = analyzed(repository, frame, exception_type=exception_type, message=message)

    assert files(analysis) == ["shop/orders.py", expected]


@pytest.mark.parametrize("error", [Refused, Throttled, Unavailable])
def test_host_that_does_not_search_costs_no_place_of_a_frame(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, error: type[IncidentCopilotError]
) -> None:
    """Whoever chooses the message of an exception does not choose whether the code is read."""

    def search(reader: GitReader, text: str, limit: int = 10) -> list[str]:
        raise error("code is searched ten times a minute")

    monkeypatch.setattr(GitReader, "search", search)

    analysis = analyzed(repository, at_line("shop/orders.py", 1, ORDERS), exception_type="KeyError", message="'X-Shop'")
    assert files(analysis) == ["shop/orders.py"]


@pytest.mark.parametrize("message", ["'NoneType' object has no attribute 'net'", "no such order", "'a'"])
def test_message_that_names_nothing_adds_no_place(repository: Repository, message: str) -> None:
    """Builtin types, prose and short keys lead nowhere."""
    assert files(analyzed(repository, at_line("shop/orders.py", 1, ORDERS), message=message)) == ["shop/orders.py"]


def test_place_that_the_suspect_changed_comes_before_one_it_left_alone(repository: Repository) -> None:
    """The caller began to pass something else hours before, the line that fails is old."""
    changed = CART.replace("rounded(amounts)", "rounded(amounts or None)")
    repository.commit({"shop/cart.py": changed}, "Round what there is", at=ONSET - timedelta(hours=1))
    frames = [at_line("shop/cart.py", 8, changed), at_line("shop/money.py", 2, MONEY)]

    assert files(analyzed(repository, *frames))[:2] == ["shop/cart.py", "shop/money.py"]


def test_deepest_place_comes_first_where_no_commit_is_suspect(repository: Repository) -> None:
    """All was written at the start, so the order of the stack is kept."""
    frames = [at_line("shop/cart.py", 8, CART), at_line("shop/money.py", 2, MONEY)]

    assert files(analyzed(repository, *frames))[:2] == ["shop/money.py", "shop/cart.py"]


def test_message_that_code_joins_from_several_texts_is_located(repository: Repository) -> None:
    """A line of code is short, its message need not be."""
    message = "the order was not placed, its stock is gone"
    pattern = LogPattern(
        template=message, level="error", count=9, first_seen=ONSET, last_seen=ONSET, exemplar=message, evidence_id="L1"
    )

    assert analyzed(repository, patterns=(pattern,)).suggested_fix_locations == ["shop/orders.py:3"]


def test_file_that_was_renamed_since_the_running_version_is_found(repository: Repository) -> None:
    """The trace names it as it was called then."""
    repository.commit({"shop/orders.py": None, "shop/placing.py": ORDERS}, "Rename a module", at=ONSET)

    analysis = analyzed(repository, at_line("shop/orders.py", 2, ORDERS))

    assert analysis.suggested_fix_locations == ["shop/placing.py:2"]


def test_file_that_never_was_in_the_repository_is_no_place(repository: Repository) -> None:
    """Two names are asked for at most."""
    frame = Frame(path="/opt/tools/shop/deep/other.py", line=3, code="fail()", in_app=True)

    assert files(analyzed(repository, frame)) == []
