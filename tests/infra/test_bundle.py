"""Bundles: only what is imported, the same bytes every time."""

import zipfile
from pathlib import Path

import pytest

from infra import bundle, requirements


def test_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    """The hash of a bundle is its identity, so it may not depend on the hour or the machine."""
    first, second = bundle.write("rca", tmp_path / "a"), bundle.write("rca", tmp_path / "b")

    assert first.sha256 == second.sha256
    assert first.archive.read_bytes() == second.archive.read_bytes()


def test_folder_and_zip_hold_the_same(tmp_path: Path) -> None:
    """What runs on the laptop is what is uploaded."""
    built = bundle.write("rca", tmp_path)
    in_folder = {path.relative_to(built.folder).as_posix() for path in built.folder.rglob("*") if path.is_file()}

    assert set(zipfile.ZipFile(built.archive).namelist()) == in_folder


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("rca", ["shared/telemetry/", "shared/code_host/", "shared/outbox/", "shared/cloud/pubsub.py"]),
        ("suggestion", ["shared/telemetry/loki.py", "shared/code_host/", "shared/outbox/"]),
        ("incident_detection", ["shared/code_host/", "shared/outbox/"]),
        ("pr_creator", ["shared/telemetry/", "shared/outbox/", "shared/model/gemini.py"]),
        ("alert_intake", ["shared/telemetry/", "shared/code_host/", "shared/outbox/", "shared/model/gemini.py"]),
    ],
)
def test_walls_are_physical(name: str, absent: list[str]) -> None:
    """What a function must not touch is not in its bundle: an agent without tools physically has none."""
    inside = bundle.files(name)

    for forbidden in absent:
        present = [
            path for path in inside if path.startswith(forbidden) and not path.endswith(("/__init__.py", "/port.py"))
        ]
        assert present == []


@pytest.mark.parametrize("name", ["incident_detection", "rca", "suggestion", "code_analyzer", "solution_generator"])
def test_agents_that_read_logs_hold_no_writer(name: str) -> None:
    """No bundle that shows logs to a model can commit, open a pull request or send mail."""
    writers = ["shared/code_host/writer.py", "shared/code_host/github_writer.py", "shared/code_host/github_pulls.py"]
    publishers = ["shared/outbox/mail/gmail.py", "shared/outbox/webhook.py", "shared/cloud/pubsub.py"]

    assert bundle.files(name).keys() & {*writers, *publishers} == set()


def test_prompts_and_templates_travel_with_their_function() -> None:
    """Text files next to main.py are part of the bundle."""
    assert "prompt.md" in bundle.files("rca")
    assert "brief/brief.mjml" in bundle.files("post_process")


def test_unknown_function_is_named() -> None:
    """A misspelled name is reported as one."""
    with pytest.raises(FileNotFoundError, match="no_such_function"):
        bundle.files("no_such_function")


def test_unknown_import_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new package must be given its distribution before anything is deployed."""
    monkeypatch.setattr(bundle.Closure, "imports", lambda self: {"some_new_package"})

    with pytest.raises(KeyError, match="some_new_package"):
        requirements.distributions("rca")
