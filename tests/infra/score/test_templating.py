"""Measuring log templating on labelled files."""

from pathlib import Path

import pytest

from infra.score import templating

HEAD = "LineId,Content,EventId,EventTemplate"


@pytest.mark.parametrize(
    ("predicted", "actual", "accuracy"),
    [
        ("aabb", "xxyy", 1.0),
        ("abcd", "xxyy", 0.0),
        ("aaaa", "xxyy", 0.0),
        ("aabc", "xxyy", 0.5),
        ("aabbb", "xxyyz", 0.4),
        ("", "", 1.0),
    ],
)
def test_line_is_right_when_its_group_is_exactly_its_true_group(predicted: str, actual: str, accuracy: float) -> None:
    """Half a group is wrong, and so is one with a foreign line in it."""
    assert templating.grouping_accuracy(predicted, actual) == accuracy


def test_table_names_each_file_and_both_halves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two files: settings are chosen on the first and reported on the second; digits alone do not find a user."""
    right = ["1,login ok user=ann at 7,E1,x", "2,login ok user=ben at 9,E1,x"]
    wrong = ["1,job 7 took 3 ms,E1,x", "2,job 9 took 5 ms,E2,x"]
    for name, rows in (("Alpha", right), ("Beta", wrong)):
        (tmp_path / f"{name}_2k.log_structured.csv").write_text("\n".join([HEAD, *rows]))

    assert templating.main(tmp_path) == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        ["ours", "naive"],
        ["Alpha", "chosen", "on", "1.000", "0.000"],
        ["Beta", "reported", "on", "0.000", "0.000"],
    ]
    assert lines[-1][:3] == ["mean", "0.500", "0.000,"]


def test_folder_without_files_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what it looked for."""
    assert templating.main(tmp_path) == 1
    assert "log_structured.csv" in capsys.readouterr().err
