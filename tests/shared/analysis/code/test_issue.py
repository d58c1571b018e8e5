"""What is said of the line that a frame leads to."""

from pathlib import Path

from shared.analysis.code.analyze import analyze
from shared.contracts import Frame
from tests.builders import NOW, an_alert, an_incident
from tests.fakes_code_host import GitReader, Repository
from tests.shared.analysis.code.test_analyze import MONEY, trace


def issue_of(tmp_path: Path, line: int, code: str) -> str:
    """Return what is said of the first place, for a frame in `rounded` with this line and source text."""
    repository = Repository(tmp_path / "repository")
    repository.commit({"shop/money.py": MONEY}, "Round amounts")
    frame = Frame(path="/app/shop/money.py", line=line, function="rounded", code=code, in_app=True)
    incident = an_incident(onset=NOW, stack_traces=[trace(frame)])
    analysis = analyze(an_alert(), incident, GitReader(repository.folder, "main"), "main")
    return analysis.problematic_files[0].issue_description


def test_line_that_raises_is_named_with_its_text(tmp_path: Path) -> None:
    """The source of the trace stands there."""
    text = issue_of(tmp_path, 3, 'raise ValueError("amount is missing")')

    assert text == 'AttributeError is raised on line 3 in rounded(): raise ValueError("amount is missing")'


def test_line_that_only_defines_the_function_is_not_called_the_one_that_raises(tmp_path: Path) -> None:
    """Where the failing line is gone, reading begins at the function; nothing is raised on its first line."""
    text = issue_of(tmp_path, 94, "return amount.quantize(CENT)")

    assert text == "AttributeError is raised in rounded(), which line 1 defines: def rounded(amount):"
