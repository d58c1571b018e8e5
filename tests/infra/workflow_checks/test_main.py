"""The command: its output and exit status."""

from pathlib import Path

import pytest

from infra.workflow_checks.__main__ import main


def test_product_workflows_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments every workflow is checked."""
    assert main([]) == 0
    assert "1 checked, no findings: incident.workflows.yaml" in capsys.readouterr().out


def test_findings_are_printed_as_file_line_and_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status is 1; editors can jump to the line."""
    file = tmp_path / "wrong.workflows.yaml"
    file.write_text("- a: {return: '${ghost}'}\n- b: {call: nosuch}\n", encoding="utf-8")

    assert main([str(file)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{file}:1: 'main' reads the variable 'ghost', but nothing assigns it",
        f"{file}:2: warning: step 'b' of 'main' is never reached",
        f"{file}:2: workflow 'main', step 'b' (line 2): there is no function or subworkflow 'nosuch'",
    ]


def test_warning_alone_does_not_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is still printed."""
    file = tmp_path / "warned.workflows.yaml"
    file.write_text("- a: {return: 1}\n- b: {return: 2}\n", encoding="utf-8")

    assert main([str(file)]) == 0
    assert "warning: step 'b'" in capsys.readouterr().out


def test_unreadable_file_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong path gives no traceback."""
    assert main([str(tmp_path / "nowhere.yaml")]) == 1
    assert "cannot be read" in capsys.readouterr().out
