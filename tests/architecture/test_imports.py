"""The direction of imports: workflows know functions by name, functions import shared, nothing imports a function."""

from pathlib import Path

import pytest

from infra import bundle

PRODUCT = sorted([*bundle.ROOT.glob("functions/**/*.py"), *bundle.ROOT.glob("shared/**/*.py")])
ROOMS = {path.parent.name for path in bundle.ROOT.glob("shared/*/__init__.py")}
LEVEL = {
    **dict.fromkeys(["contracts", "errors", "clock", "settings", "log"], 0),
    **dict.fromkeys(["bus", "orchestrator", "prompt", "evidence", *ROOMS], 1),
    **dict.fromkeys(["budget", "dialogue", "grounding", "recorder", "run_trace", "shown", "agent", "step"], 2),
}


def _name(path: Path) -> str:
    return path.relative_to(bundle.ROOT).as_posix()


def _shared_part(path: Path) -> str:
    parts = path.relative_to(bundle.ROOT / "shared").parts
    return parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", PRODUCT, ids=_name)
def test_product_imports_neither_infra_nor_tests_nor_functions(path: Path) -> None:
    """Nothing in the product imports infra, tests or a function."""
    roots = {name.split(".")[0] for name in bundle.imported(path)}

    assert not roots & {"infra", "tests", "functions", "importlib"}


@pytest.mark.parametrize("path", sorted(bundle.ROOT.glob("shared/**/*.py")), ids=_name)
def test_shared_imports_only_downward(path: Path) -> None:
    """A module of shared imports its own level only within its room, and other rooms only by their port."""
    own = _shared_part(path)
    level = LEVEL.get(own, 0)

    for name in sorted(bundle.imported(path)):
        parts = name.split(".")
        if parts[0] != "shared" or len(parts) < 2 or parts[1] == own:
            continue
        assert parts[1] in LEVEL, f"{name} has no level"
        is_port = parts[1] in ROOMS and parts[2:3] == ["port"]
        is_room_of_port = parts[1] in ROOMS and any(other.startswith(f"{name}.port") for other in bundle.imported(path))
        below = LEVEL[parts[1]] < level or (level != 1 and LEVEL[parts[1]] == level)
        assert below or is_port or is_room_of_port or _is_pure_helper(own, name), f"{_name(path)} imports {name}"


def _is_pure_helper(own: str, name: str) -> bool:
    """The analyst plans edits with the code host's pure module for them, which holds no network."""
    return own == "analysis" and (name == "shared.code_host" or name.startswith("shared.code_host.edits"))


def test_only_settings_reads_the_environment() -> None:
    """`os.environ` and `os.getenv` appear in shared/settings.py alone."""
    readers = [_name(path) for path in PRODUCT if any(word in path.read_text() for word in ("os.environ", "os.getenv"))]

    assert readers == ["shared/settings.py"]


def test_only_clock_reads_the_time() -> None:
    """`datetime.now` appears in shared/clock.py alone."""
    readers = [_name(path) for path in PRODUCT if "datetime.now(" in path.read_text()]

    assert readers == ["shared/clock.py"]


def test_shared_itself_holds_no_code() -> None:
    """The root of shared is one docstring, so that importing it drags in nothing."""
    text = (bundle.ROOT / "shared" / "__init__.py").read_text()

    assert text.count('"""') == 2
    assert "import" not in text.replace("importing", "")
