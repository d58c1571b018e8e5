"""The direction of imports: workflows know functions by name, functions import shared, nothing imports a function."""

import re
from pathlib import Path

import pytest

from infra import bundle

PRODUCT = sorted([*bundle.ROOT.glob("functions/**/*.py"), *bundle.ROOT.glob("shared/**/*.py")])
SHARED = bundle.ROOT / "shared"
ANALYSIS = SHARED / "analysis"
# A new module or package gets its level here, above everything it imports.
LEVELS = (
    {
        "bounds",
        "channels",
        "clock",
        "containment",
        "contracts",
        "digest",
        "errors",
        "followup_queries",
        "json_text",
        "links",
        "log",
    }
    | {"redaction", "settings", "signatures", "text"},
    {"http"},
    {"admission", "analysis", "cloud", "code_host", "model", "outbox", "pull_request", "telemetry"} | {"traces"},
    {"step"},
    {"agent"},
)
ANALYSIS_LEVELS = (
    {"confidence", "grounds", "thresholds"},
    {"series", "code"},
    {"logs"},
    {"requests"},
    {"faults"},
    {"changes"},
    {"detection"},
    {"causes"},
    {"advice"},
    {"solution"},
)
# Pure modules that a package on the same level may import beside the ports: they open no connection.
PURE = {"shared.analysis.code.paths", "shared.code_host.edits", "shared.telemetry.instance_metrics"} | {
    "shared.traces.pull_request_record",
    "shared.admission.operator_requests",
}
_BROAD = re.compile(r"^\s*except\s*(?:\(?\s*(?:Base)?Exception\b.*)?:", re.MULTILINE)


def _name(path: Path) -> str:
    return path.relative_to(bundle.ROOT).as_posix()


def _level(name: str, levels: tuple[set[str], ...]) -> int:
    level = next((number for number, names in enumerate(levels) if name in names), None)
    assert level is not None, (
        f"Law: every module of shared/ has a level. {name!r} has none. "
        "Remedy: add it to the table in tests/architecture/test_imports.py, above everything it imports"
    )
    return level


def _modules_imported(path: Path) -> list[str]:
    """Return the modules of shared/ that a file imports, each as its longest dotted name."""
    dotted = [name for name in bundle.imported(path) if bundle.module_files(name)]
    return sorted(name for name in dotted if not any(other.startswith(f"{name}.") for other in dotted))


@pytest.mark.parametrize("path", PRODUCT, ids=_name)
def test_product_imports_neither_infra_nor_tests_nor_functions(path: Path) -> None:
    """Nothing in the product imports infra, tests or a function."""
    roots = {name.split(".")[0] for name in bundle.imported(path)}

    wrong = roots & {"infra", "tests", "functions", "importlib"}
    assert not wrong, (
        f"Law: the product imports shared/ and libraries alone. {_name(path)} imports {', '.join(sorted(wrong))}. "
        "Remedy: what two functions need belongs into shared/; a sibling is imported as `.name`"
    )


@pytest.mark.parametrize(
    "path", sorted(path for path in SHARED.rglob("*.py") if path.parent != SHARED or path.stem != "__init__"), ids=_name
)
def test_shared_imports_only_downward(path: Path) -> None:
    """A module of shared imports its own package and lower levels; of its own level only ports and pure modules."""
    own = path.relative_to(SHARED).parts[0].removesuffix(".py")
    level = _level(own, LEVELS)

    for name in _modules_imported(path):
        package = name.split(".")[1] if "." in name else own
        is_port = name.endswith(".port") or name in PURE
        is_below = package == own or _level(package, LEVELS) < level or (_level(package, LEVELS) == level == 0)
        assert is_below or (is_port and _level(package, LEVELS) == level), (
            f"Law: shared/ imports only downward. {_name(path)} (level {level}) imports {name} "
            f"(level {_level(package, LEVELS)}). Remedy: move what both need to a lower level"
        )


@pytest.mark.parametrize(
    "path", sorted(path for path in ANALYSIS.rglob("*.py") if path != ANALYSIS / "__init__.py"), ids=_name
)
def test_packages_of_the_analyst_import_only_downward(path: Path) -> None:
    """The analyst's packages stand on levels, and every arrow between two of them points down, so there is no cycle."""
    own = path.relative_to(ANALYSIS).parts[0].removesuffix(".py")
    level = _level(own, ANALYSIS_LEVELS)

    others = {name.split(".")[2] for name in _modules_imported(path) if name.startswith("shared.analysis.")} - {own}

    upward = sorted(name for name in others if _level(name, ANALYSIS_LEVELS) >= level)
    assert upward == [], (
        f"Law: the analyst's packages import only downward. {_name(path)} (level {level}) imports {', '.join(upward)}. "
        "Remedy: move what both need to a lower package"
    )


def test_packages_of_the_analyst_open_no_others() -> None:
    """
    An `__init__.py` of the analyst holds no code.

    Importing one module of a package then bundles and loads that module alone: pr_creator asks whether a path is a
    test without carrying the search for suspects.
    """
    packages = sorted(ANALYSIS.glob("*/__init__.py"))

    assert len(packages) == 10
    assert [_name(path) for path in packages if bundle.imported(path)] == []


def test_only_settings_reads_the_environment() -> None:
    """`os.environ` and `os.getenv` appear in shared/settings.py alone."""
    readers = [_name(path) for path in PRODUCT if any(word in path.read_text() for word in ("os.environ", "os.getenv"))]

    others = ", ".join(set(readers) - {"shared/settings.py"})
    assert readers == ["shared/settings.py"], (
        f"Law: only shared/settings.py reads the environment. Others: {others}. "
        "Remedy: declare the variable as a field of a Settings class, and call from_env()"
    )


def test_only_clock_reads_the_time() -> None:
    """`datetime.now` appears in shared/clock.py alone."""
    readers = [_name(path) for path in PRODUCT if "datetime.now(" in path.read_text()]

    others = ", ".join(set(readers) - {"shared/clock.py"})
    assert readers == ["shared/clock.py"], (
        f"Law: only shared/clock.py reads the time, so that tests can set it. Others: {others}. "
        "Remedy: call clock.now()"
    )


def test_only_containment_catches_whatever_is_raised() -> None:
    """`except Exception`, or a bare `except`, appears in shared/containment.py alone."""
    catchers = [_name(path) for path in PRODUCT if _BROAD.search(path.read_text())]

    others = ", ".join(set(catchers) - {"shared/containment.py"})
    assert catchers == ["shared/containment.py"], (
        f"Law: an error is caught by its name. Others: {others}. "
        "Remedy: name what is raised, or pass the work to contained() where a bug of it must not cost the rest"
    )


def test_shared_itself_holds_no_code() -> None:
    """The root of shared is one docstring, so that importing it drags in nothing."""
    text = (bundle.ROOT / "shared" / "__init__.py").read_text()

    assert text.count('"""') == 2
    assert "import" not in text.replace("importing", "")
