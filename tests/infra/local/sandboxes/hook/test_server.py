"""The hook sandbox over real HTTP."""

from pathlib import Path

import requests

from infra.local.sandboxes.hook.server import HookSandbox


def test_post_is_stored_with_headers_and_body(tmp_path: Path) -> None:
    """Each POST becomes a file, numbered in order."""
    with HookSandbox(tmp_path) as hook:
        requests.post(f"{hook.url}/a?b=1", json={"x": 1}, headers={"X-Key": "k"}, timeout=5)
        requests.post(hook.url, data=b"no json", timeout=5)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.json", "2.json"]
    assert (hook.calls[0]["path"], hook.calls[0]["body"]) == ("/a?b=1", {"x": 1})
    assert hook.calls[0]["headers"]["X-Key"] == "k"
    assert hook.calls[1]["body"] == "no json"


def test_other_methods_are_not_stored(tmp_path: Path) -> None:
    """A GET is answered 405 and stores nothing."""
    with HookSandbox(tmp_path) as hook:
        reply = requests.get(hook.url, timeout=5)

    assert (reply.status_code, hook.calls) == (405, [])
