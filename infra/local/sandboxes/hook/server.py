"""A webhook receiver on loopback: accepts any POST and stores each as a JSON file with its headers and body."""

import argparse
import json
from pathlib import Path
from typing import Any

from infra.local.sandboxes.http import Reply, Request, Sandbox


class HookSandbox(Sandbox):
    """Stores every POST as `<folder>/<n>.json`: {path, headers, body}, the body parsed when it is JSON."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        super().__init__(port)
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls received so far, in order."""
        return [json.loads(path.read_bytes()) for path in self._files()]

    def answer(self, request: Request) -> Reply:
        """Store a POST and answer 200; other methods get 405."""
        if request.method != "POST":
            return Reply.of_json({"error": "only POST is accepted"}, 405, {"Allow": "POST"})
        record = {"path": request.raw_path, "headers": dict(request.headers.items()), "body": _readable(request)}
        with self._lock:
            number = len(self._files()) + 1
            (self.folder / f"{number}.json").write_text(json.dumps(record, indent=2, ensure_ascii=False), "utf-8")
        return Reply.of_json({"ok": True, "number": number})

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"), key=lambda path: int(path.stem))


def _readable(request: Request) -> Any:
    try:
        return request.json()
    except ValueError:
        return request.body.decode(errors="replace")


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.sandboxes.hook.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, required=True, help="folder for the calls, as <n>.json")
    arguments = parser.parse_args()
    HookSandbox(arguments.folder, port=arguments.port).serve_until_interrupted()


if __name__ == "__main__":
    main()
