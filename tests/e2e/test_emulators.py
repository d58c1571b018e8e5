"""The whole system on Google's own Pub/Sub and Firestore emulators, and the message where they are absent."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from infra.bundle import ROOT
from infra.local.cli import demo
from shared.step.steps import BY_AGENT
from tests.emulated import need


def test_demo_runs_on_the_emulators(tmp_path: Path) -> None:
    """The same alert ends in the same full outcome; the trace comes from Firestore, no file holds it."""
    need("pubsub", "firestore")
    console = Console(record=True, width=200, file=io.StringIO())

    status = demo.run(demo.DemoOptions(output=tmp_path, has_emulators=True), console)

    assert status == 0, console.export_text()
    (folder,) = tmp_path.iterdir()
    trace = json.loads((folder / "trace.json").read_text())
    assert (trace["outcome"]["kind"], trace["outcome"]["mail_status"]) == ("full", "sent")
    assert set(BY_AGENT) <= set(trace["traces"])
    assert list((folder / "traces").iterdir()) == []
    running = json.loads((folder / "stack.json").read_text())
    assert {"bus", "firestore"} <= set(running)
    assert [name for name, service in running.items() if Path(f"/proc/{service['pid']}").exists()] == []


def test_missing_sdk_is_reported_with_how_to_get_it(tmp_path: Path) -> None:
    """Without gcloud the stack does not start, leaves nothing running, and names the packages to install."""
    bare = tmp_path / "bin"
    bare.mkdir()
    (bare / "git").symlink_to(shutil.which("git") or "")

    done = subprocess.run(
        [sys.executable, "-m", "infra.local", "demo", "--emulators"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(bare), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    output = " ".join(done.stdout.split())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Google's Pub/Sub emulator is not installed" in output
    assert "apt-get install google-cloud-cli-pubsub-emulator" in output
    assert "Traceback" not in done.stdout + done.stderr
