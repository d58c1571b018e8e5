"""Every function's folder is tiny and alike, and the top level is what was agreed."""

import subprocess

import pytest
import yaml

from infra import bundle

TOP = {
    "functions", "workflows", "shared", "infra", "tests", "cloudbuild.yaml", "Makefile", "README.md",
    "pyproject.toml", ".ci", ".github", ".gitignore", ".env.example", "LICENSE",
}  # fmt: skip
TESTS = bundle.ROOT / "tests" / "functions"


def test_top_level_holds_only_what_was_agreed() -> None:
    """No new folder or file appears at the root."""
    listed = subprocess.run(["git", "ls-files"], cwd=bundle.ROOT, capture_output=True, text=True, check=True).stdout

    others = {line.split("/")[0] for line in listed.splitlines()} - TOP
    assert not others, (
        f"Law: the top level is fixed. New there: {', '.join(sorted(others))}. "
        "Remedy: move it below functions/, workflows/, shared/, infra/ or tests/"
    )


@pytest.mark.parametrize("name", bundle.names())
def test_function_folder_is_tiny_and_alike(name: str) -> None:
    """main.py, function.yaml, requirements.txt; a prompt and templates as text."""
    folder = bundle.FUNCTIONS / name
    files = {path.name for path in folder.iterdir() if path.is_file()}

    missing = {"main.py", "function.yaml", "requirements.txt"} - files
    assert not missing, (
        f"Law: every function's folder is alike. functions/{name} lacks {', '.join(sorted(missing))}. "
        "Remedy: write main.py and function.yaml like those of functions/rca; `make generate` writes the rest"
    )
    assert not (folder / "__init__.py").exists(), (
        f"Law: a function is no package. Remedy: delete functions/{name}/__init__.py, and import siblings as `.name`"
    )


@pytest.mark.parametrize("name", bundle.names())
def test_every_function_has_a_test_file_of_its_name(name: str) -> None:
    """Whoever changes it knows where its promises are."""
    assert (TESTS / f"test_{name}.py").is_file(), (
        f"Law: every function has a test file of its name. Missing: tests/functions/test_{name}.py. "
        "Remedy: write it; it calls the undecorated function, see tests/functions/test_rca.py"
    )


@pytest.mark.parametrize("name", bundle.names())
def test_entry_point_is_the_folders_name(name: str) -> None:
    """One word names a function everywhere."""
    manifest = yaml.safe_load((bundle.FUNCTIONS / name / "function.yaml").read_text())

    assert manifest["entry_point"] == name, (
        f"Law: one word names a function everywhere. Remedy: `entry_point: {name}` in functions/{name}/function.yaml"
    )
    assert f"def {name}(" in (bundle.FUNCTIONS / name / "main.py").read_text(), (
        f"Law: one word names a function everywhere. Remedy: name the function in functions/{name}/main.py {name}"
    )


def test_sibling_modules_have_unique_names() -> None:
    """Two functions loaded in one process would otherwise share a sibling module."""
    siblings = [path.name for path in bundle.FUNCTIONS.glob("*/**/*.py") if path.name not in ("main.py", "__init__.py")]

    twice = sorted({name for name in siblings if siblings.count(name) > 1})
    assert not twice, (
        f"Law: modules of functions have unique names, as two may share a process. Twice: {', '.join(twice)}. "
        "Remedy: rename one by what it does"
    )
