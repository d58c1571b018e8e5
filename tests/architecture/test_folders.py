"""Every function's folder is tiny and alike, and the top level is what was agreed."""

import subprocess

import pytest
import yaml

from infra import bundle

TOP = {
    "functions", "workflows", "shared", "infra", "tests", "cloudbuild.yaml", "Makefile", "README.md",
    "pyproject.toml", ".ci", ".gitignore", ".env.example", "LICENSE",
}  # fmt: skip
MAIN_LINES = 60


def test_top_level_holds_only_what_was_agreed() -> None:
    """No new folder or file appears at the root."""
    listed = subprocess.run(["git", "ls-files"], cwd=bundle.ROOT, capture_output=True, text=True, check=True).stdout

    assert {line.split("/")[0] for line in listed.splitlines()} <= TOP


@pytest.mark.parametrize("name", bundle.names())
def test_function_folder_is_tiny_and_alike(name: str) -> None:
    """main.py, function.yaml, requirements.txt; a prompt and templates as text; main.py at most 60 lines."""
    folder = bundle.FUNCTIONS / name
    files = {path.name for path in folder.iterdir() if path.is_file()}

    assert {"main.py", "function.yaml", "requirements.txt"} <= files
    assert not (folder / "__init__.py").exists()
    assert len((folder / "main.py").read_text().splitlines()) <= MAIN_LINES


@pytest.mark.parametrize("name", bundle.names())
def test_entry_point_is_the_folders_name(name: str) -> None:
    """One word names a function everywhere."""
    manifest = yaml.safe_load((bundle.FUNCTIONS / name / "function.yaml").read_text())

    assert manifest["entry_point"] == name
    assert f"def {name}(" in (bundle.FUNCTIONS / name / "main.py").read_text()


def test_sibling_modules_have_unique_names() -> None:
    """Two functions loaded in one process would otherwise share a sibling module."""
    siblings = [path.name for path in bundle.FUNCTIONS.glob("*/**/*.py") if path.name not in ("main.py", "__init__.py")]

    assert len(siblings) == len(set(siblings))
