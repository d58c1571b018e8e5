"""Nothing happens at import: every main.py loads with an empty environment and sockets blocked."""

import subprocess
import sys

import pytest

from infra import bundle

BLOCKED = """
import socket, sys
def refuse(*_args, **_kwargs):
    raise AssertionError("a socket was used at import")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
sys.path.insert(0, {folder!r})
import importlib.util
spec = importlib.util.spec_from_file_location("main", {main!r}, submodule_search_locations=[{folder!r}])
module = importlib.util.module_from_spec(spec)
sys.modules["main"] = module
spec.loader.exec_module(module)
assert callable(getattr(module, {name!r}))
print(*sys.modules)
"""
LATE = {
    "google.cloud.firestore": set(),
    "google.genai": set(),
    "google.pubsub_v1": {"alert_intake"},
    "googleapiclient": set(),
    "mcp": set(),
}
"""Libraries that are slow to load, and the functions whose every request needs them."""


@pytest.mark.parametrize("name", bundle.names())
def test_bundle_imports_with_empty_environment_and_no_sockets(name: str, tmp_path) -> None:
    """The bundle, not the source, is imported, so a file missing from it is found here."""
    built = bundle.write(name, tmp_path)
    code = BLOCKED.format(folder=str(built.folder), main=str(built.folder / "main.py"), name=name)

    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", code], env={}, cwd="/", capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    early = {library for library, users in LATE.items() if name not in users} & set(done.stdout.split())
    assert not early, (
        f"Law: what not every request needs is imported where it is used. {name} loads {', '.join(sorted(early))} at "
        "once. Remedy: import it in the function that calls it, or the adapter in its connect()"
    )
