"""`make doctor` prints a line for each check and ends with 1 when something is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra import bundle
from infra.doctor.__main__ import main
from infra.local.sandboxes.loki.server import LokiSandbox


def test_wrong_file_ends_with_1_and_names_the_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of one form: state, what, fix."""
    path = tmp_path / ".env"
    path.write_text("PR_MODE=drafts\nSAVE_OUTPT=true\n")

    status = main(["--env", str(path), "--offline"])

    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert [line.split("Fix: ")[1].split(":")[0] for line in lines[:2]] == ["write SAVE_OUTPUT", "set PR_MODE"]
    assert lines[-1] == "2 checks, 2 wrong."


def test_network_is_asked_unless_it_is_offline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A Loki without the label is wrong only when it is asked."""
    path = tmp_path / ".env"
    with LokiSandbox([{"stream": {"app": "shop"}, "values": []}]) as loki:
        path.write_text(f"GRAFANA_HOST={loki.url}\nSANDBOX_SOURCES=false\n")

        assert main(["--env", str(path), "--offline"]) == 0
        assert main(["--env", str(path)]) == 1

    assert "LOKI_SERVICE_LABEL" in capsys.readouterr().out


def test_settings_of_a_deployment_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file of Terraform in place of .env."""
    path = tmp_path / "terraform.tfvars"
    path.write_text('settings = {\n  PR_MODE = "drafts"\n}\n')

    assert main(["--tfvars", str(path)]) == 1
    assert "set PR_MODE" in capsys.readouterr().out


def test_command_runs_by_itself(tmp_path: Path) -> None:
    """As the Makefile calls it, without a file of variables."""
    command = [sys.executable, "-m", "infra.doctor", "--env", str(tmp_path / "none"), "--offline"]

    done = subprocess.run(command, cwd=bundle.ROOT, capture_output=True, text=True, timeout=120, check=True)

    assert done.stdout.splitlines()[-1] == "1 checks, 0 wrong."
