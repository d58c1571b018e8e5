"""Each function stands on its own requirements alone: installed fresh, served by functions-framework, and called."""

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from infra import bundle
from infra.isolated_install import Isolated, isolate
from infra.local.stack import processes
from shared.step import steps

# About 10 s of pip for each function: too long for every run on a laptop.
pytestmark = pytest.mark.skipif(
    os.environ.get("CI", "").lower() not in ("1", "true"), reason="installs every function anew: set CI=true"
)


@pytest.fixture(scope="module")
def isolated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Isolated]:
    """Every function with an environment of its own; two are installed at a time."""
    folder = tmp_path_factory.mktemp("independence")
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda name: isolate(name, folder / name), bundle.names())
        return dict(zip(bundle.names(), made, strict=True))


@pytest.mark.parametrize("name", bundle.names())
def test_function_answers_from_its_own_requirements(name: str, isolated: dict[str, Isolated], tmp_path: Path) -> None:
    """Nothing of this test's environment is in reach, and the probe is answered by the right function."""
    function = isolated[name]
    source = str(function.bundle.folder / "main.py")
    port = processes.free_port()
    command = [str(function.python), "-m", "functions_framework", "--source", source, "--target", function.entry_point]
    command += ["--signature-type", function.signature, "--host", processes.HOST, "--port", str(port)]
    service = processes.start(name, command, port, tmp_path, {}, Path("/"))
    try:
        processes.wait_listening(service, 60)
        answer = requests.get(f"{service.url}/healthz", timeout=30)
    finally:
        processes.stop([service])

    # A function without settings may answer 500 and log why, as one entry; nothing may be raised past it.
    assert not re.search("^Traceback", service.log.read_text(), re.MULTILINE), service.tail()
    if name in steps.BY_NAME:
        assert answer.json()["step"] == name


@pytest.mark.parametrize("name", bundle.names())
def test_everything_in_the_bundle_can_be_imported(name: str, isolated: dict[str, Isolated]) -> None:
    """Also the packages and libraries that are imported only when a request needs them."""
    folder = isolated[name].bundle.folder
    modules = [path.relative_to(folder).with_suffix("") for path in folder.glob("shared/**/*.py")]
    dotted = sorted(".".join(path.parts).removesuffix(".__init__") for path in modules)
    code = f"import importlib, sys; sys.path.insert(0, {str(folder)!r}); [importlib.import_module(m) for m in {dotted}]"

    done = subprocess.run([isolated[name].python, "-c", code], env={}, cwd="/", capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", bundle.names())
def test_environment_holds_no_development_tool(name: str, isolated: dict[str, Isolated]) -> None:
    """What only tests and laptops need is not installed, and what is installed fits together."""
    installed = {path.name.split("-")[0].lower() for path in isolated[name].packages.glob("*.dist-info")}
    check = [str(isolated[name].python), "-c", "import pytest"]

    assert not installed & {"pytest", "pip", "ruff", "mypy", "rich", "hypothesis"}
    assert subprocess.run(check, env={}, cwd="/", capture_output=True, check=False).returncode == 1
