"""A release on push: which functions come first, and what the build really runs."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from infra import bundle, release

BUILD = yaml.safe_load((bundle.ROOT / "cloudbuild.yaml").read_text())
TESTS = yaml.safe_load((bundle.ROOT / "infra" / "test.cloudbuild.yaml").read_text())
APPLY_MINUTES = 8
"""What one apply of a few functions takes at most: their images are built side by side."""


def step(name: str) -> dict[str, object]:
    """Return one step of the build that deploys."""
    return next(one for one in BUILD["steps"] if one["id"] == name)


def run(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as Cloud Build does: with `$$` as a dollar, and its own substitutions filled in."""
    arguments = step(name)["args"]
    assert isinstance(arguments, list)
    script = str(arguments[-1]).replace("$$", "\0")
    for variable, value in {"PROJECT_ID": "example-project", "_REGION": "europe-west1", **environment}.items():
        script = script.replace(f"${variable}", value)
    script = re.sub("\0", "$", script)
    env = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "HOME": str(folder)}
    return subprocess.run(
        ["sh", arguments[0], script], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Cloud Build's folder with the waves, and a terraform that notes what it is asked and fails where FAIL says."""
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "waves.txt").write_text(release.text())
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "terraform"
    tool.write_text(
        '#!/bin/sh\necho "$*" >> calls\ncase "$*" in *"$(cat fail 2>/dev/null || echo none)"*) exit 1;; esac\n'
    )
    tool.chmod(0o755)
    return tmp_path


def test_every_function_is_in_one_wave() -> None:
    """A new one too: one that nobody reads from comes first."""
    names = [name for wave in release.waves() for name in wave]

    assert sorted(names) == bundle.names()


def test_readers_are_deployed_before_writers() -> None:
    """Who reads an answer knows its new fields before anybody writes them."""
    at = {name: number for number, wave in enumerate(release.waves()) for name in wave}

    assert all(at[reader] < at[writer] for reader, writers in release.reads_from().items() for writer in writers)
    assert at["post_process"] < at["rca"] < at["incident_detection"] < at["workflow_starter"] < at["alert_intake"]


def test_functions_that_read_from_each_other_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """No order is safe then."""
    monkeypatch.setattr(release, "reads_from", lambda: {"a": {"b"}, "b": {"a"}, "c": set()})

    with pytest.raises(ValueError, match=r"\['a', 'b'\]"):
        release.waves()


def test_file_that_the_build_reads_is_fresh() -> None:
    """The build runs no package that could compute it."""
    assert release.WAVES.read_text() == release.text(), "Remedy: `make generate`"


def test_build_applies_wave_by_wave_and_then_the_whole(workspace: Path) -> None:
    """A joint release goes out whole: the workflow and everything else come last, after every function."""
    done = run("deploy", workspace)

    assert done.returncode == 0, done.stderr
    init, *applies = (workspace / "calls").read_text().splitlines()
    assert " init " in init
    targets = [re.findall(r'-target=google_cloudfunctions2_function\.function\["(\w+)"\]', line) for line in applies]
    assert targets == [*release.waves(), []]
    assert all("-auto-approve -lock-timeout=20m -var=project_id=example-project" in line for line in applies)


def test_wave_that_fails_ends_the_release(workspace: Path) -> None:
    """No writer is deployed whose readers are not."""
    (workspace / "fail").write_text('"solution_generator"')

    assert run("deploy", workspace).returncode != 0
    assert "incident_detection" not in (workspace / "calls").read_text()


def test_commit_that_was_overtaken_is_not_deployed(workspace: Path) -> None:
    """The release of the newer push deploys it; what was not tested is deployed by nobody."""
    (workspace / "bin" / "git").write_text("#!/bin/sh\necho newer\n")
    (workspace / "bin" / "git").chmod(0o755)

    assert run("newest", workspace, _TESTED="older").returncode == 0
    assert run("deploy", workspace).returncode == 0
    assert not (workspace / "calls").exists()


def test_newest_commit_is_deployed(workspace: Path) -> None:
    """The check itself stops nothing."""
    (workspace / "bin" / "git").write_text("#!/bin/sh\necho same\n")
    (workspace / "bin" / "git").chmod(0o755)

    run("newest", workspace, _TESTED="same")
    run("deploy", workspace)

    assert (workspace / "calls").exists()


def test_tests_run_in_the_build_that_cannot_deploy() -> None:
    """Lint, types and tests there, once; nothing but bundles, variables and Terraform in the other."""
    assert [one["id"] for one in TESTS["steps"]] == ["lint", "types", "test"]
    assert [one["id"] for one in BUILD["steps"]] == ["newest", "bundles", "variables", "deploy"]
    assert "pip" not in str(BUILD)


def test_builds_of_a_push_fit_the_lock() -> None:
    """One build deploys, so a second push waits at the lock for one apply at most; and all applies fit its own time."""
    waits = re.search(r"-lock-timeout=(\d+)m", str(step("deploy")))
    assert waits is not None
    assert int(waits[1]) >= APPLY_MINUTES
    assert (len(release.waves()) + 1) * APPLY_MINUTES <= int(BUILD["timeout"].removesuffix("s")) / 60
