"""`make score` prints tables, writes JSON, and says what is wrong with its options."""

import json
from pathlib import Path

import pytest

from infra.score.__main__ import main
from tests.infra.score.microservice.small_cases import two_cases


def test_tables_are_printed_and_figures_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables to stdout without the product's log lines, progress to stderr, JSON into the file."""
    path = tmp_path / "score.json"

    assert main(["microservice", "--cases", str(two_cases(tmp_path)), "--json", str(path)]) == 0
    printed = capsys.readouterr()

    assert all(title in printed.out for title in ("Verdicts", "Culprit named", "Fault type", "Cost"))
    assert '"severity"' not in printed.out
    assert "stock-exception, metrics: default queries: 9 alerts" in printed.err
    figures = json.loads(path.read_text())["microservice"]
    assert len(figures["observations"]) == 30
    assert [table["title"] for table in figures["tables"]] == ["Verdicts", "Culprit named", "Fault type", "Cost"]


def test_folder_without_incidents_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the option."""
    assert main(["--cases", str(tmp_path)]) == 2
    assert "--cases" in capsys.readouterr().err


def test_unknown_part_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    """The message lists the parts there are."""
    assert main(["weather"]) == 2
    assert "microservice" in capsys.readouterr().err


def test_repositories_that_no_part_reads_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An option without effect does not pass in silence."""
    main(["microservice", "--cases", str(tmp_path), "--repos", str(tmp_path)])

    assert "--repos is not used" in capsys.readouterr().err
