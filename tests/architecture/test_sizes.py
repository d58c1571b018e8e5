"""What fits on one page stays readable: sizes of modules, packages and entry points."""

from pathlib import Path

import pytest

from infra import bundle

MODULES = sorted(path for root in ("functions", "shared", "infra") for path in (bundle.ROOT / root).rglob("*.py"))
PACKAGES = sorted({path.parent for path in MODULES})
MAX_MODULE_LINES = 350
MAX_MAIN_LINES = 60
MAX_PACKAGE_FILES = 12
# The contracts are one page on purpose: read together, they are the best description of the system.
EXCEPTED = {"shared/contracts.py"}


def _name(path: Path) -> str:
    return path.relative_to(bundle.ROOT).as_posix()


@pytest.mark.parametrize("path", [path for path in MODULES if _name(path) not in EXCEPTED], ids=_name)
def test_module_fits_its_page(path: Path) -> None:
    """A longer module holds two subjects."""
    limit = MAX_MAIN_LINES if path.name == "main.py" and path.parent.parent.name == "functions" else MAX_MODULE_LINES
    lines = len(path.read_text().splitlines())

    assert lines <= limit, (
        f"Law: a module is at most {limit} lines. {_name(path)} has {lines}. "
        "Remedy: move one of its subjects into a module of its own, named by what it does"
    )


@pytest.mark.parametrize("package", PACKAGES, ids=_name)
def test_package_is_seen_at_a_glance(package: Path) -> None:
    """A reader who opens the folder sees what is in it."""
    files = sorted(path.name for path in package.glob("*.py") if path.name != "__init__.py")

    assert len(files) <= MAX_PACKAGE_FILES, (
        f"Law: a package holds at most {MAX_PACKAGE_FILES} modules. {_name(package)} has {len(files)}. "
        "Remedy: give the modules of one question a package of their own inside it"
    )
