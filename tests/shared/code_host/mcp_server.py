"""A GitHub MCP server over a local git repository: answers in GitHub's format, by HTTP or on stdin and stdout."""

import gzip
import json
import subprocess
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any, Self

from requests.structures import CaseInsensitiveDict

MAX_BYTES = 16 * 1024 * 1024
"""What the client takes at most."""
WRITING = ("create_or_update_file", "merge_pull_request")
ARGUMENTS = {
    "get_file_contents": ("owner", "repo", "path", "ref", "sha"),
    "list_commits": ("owner", "repo", "sha", "path", "until", "perPage"),
    "get_commit": ("owner", "repo", "sha", "include_diff"),
    "search_code": ("query", "perPage"),
}


class Tools:
    """Answers JSON-RPC messages and records the calls."""

    def __init__(self, git_dir: str) -> None:
        self._git_dir = git_dir
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.offered: dict[str, tuple[str, ...]] = {**ARGUMENTS, **dict.fromkeys(WRITING, ("owner", "repo"))}

    def answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the response, or None for a notification."""
        if "id" not in message:
            return None
        if message["method"] == "tools/call":
            result = self._call(message["params"]["name"], message["params"]["arguments"])
        elif message["method"] == "tools/list":
            result = {"tools": [{"name": name, "inputSchema": _schema(args)} for name, args in self.offered.items()]}
        else:
            result = {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "github", "version": "1"},
            }
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def _call(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        self.called.append((name, args))
        try:
            return {"content": getattr(self, f"_{name}")(args)}
        except subprocess.CalledProcessError:
            return {"isError": True, "content": [{"type": "text", "text": "404 Not Found"}]}

    def _get_file_contents(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        where = f"{args['ref']}:{args['path']}"
        text, sha = self._git("show", where), self._git("rev-parse", where).strip()
        resource = {
            "uri": f"repo://{args['owner']}/{args['repo']}/{args['path']}",
            "mimeType": "text/plain",
            "text": text,
        }
        summary = {"type": "text", "text": f"successfully downloaded text file (SHA: {sha})"}
        return [summary, {"type": "resource", "resource": resource}]

    def _list_commits(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        until = [f"--until={args['until']}"] if "until" in args else []
        paths = ["--", args["path"]] if "path" in args else []
        shas = self._git("log", "--format=%H", f"-{args['perPage']}", *until, args["sha"], *paths).split()
        return _text([self._commit(sha) for sha in shas])

    def _get_commit(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        lines = self._git("diff-tree", "--no-commit-id", "--name-status", "-r", "--root", args["sha"]).splitlines()
        names = {"A": "added", "D": "removed", "M": "modified"}
        files = [
            {"filename": path, "status": names[status], "patch": self._patch(args["sha"], path)}
            for status, path in (line.split("\t") for line in lines)
        ]
        return _text({**self._commit(args["sha"]), "files": files})

    def _search_code(self, args: dict[str, Any]) -> list[dict[str, Any]]:
        words = args["query"].rpartition(" repo:")[0].strip('"')
        matches = self._git("grep", "-lF", words, "main").splitlines()
        return _text({"total_count": len(matches), "items": [{"path": each.partition(":")[2]} for each in matches]})

    def _commit(self, sha: str) -> dict[str, Any]:
        name, moment, message = self._git("show", "-s", "--format=%an%n%cI%n%B", sha).rstrip("\n").split("\n", 2)
        who = {"name": name, "email": "x", "date": moment}
        return {
            "sha": sha,
            "html_url": f"https://x/{sha}",
            "commit": {"message": message, "author": who, "committer": who},
        }

    def _patch(self, sha: str, path: str) -> str:
        return self._git("show", "--format=", sha, "--", path).partition("@@")[2]

    def _git(self, *args: str) -> str:
        command = ["git", "-c", "safe.directory=*", f"--git-dir={self._git_dir}", *args]
        return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout.decode("utf-8", "replace")


class McpServer:
    """The tools by streamable HTTP on loopback; `fault` breaks the next answers, `as_events` streams them."""

    def __init__(self, git_dir: str) -> None:
        self.tools = Tools(git_dir)
        self.fault: str | None = None
        self.as_events = True
        self.headers: list[CaseInsensitiveDict[str]] = []
        self.streams_opened = 0
        self.is_over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/mcp/"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self._server.shutdown()
        self._server.server_close()

    def reply(self, body: bytes) -> tuple[int, str, bytes]:
        """Return status, content type and body of the answer to one message."""
        if self.fault in ("307", "401", "429", "500"):
            return int(self.fault), "text/plain", b"no"
        if self.fault == "html":
            return 200, "text/html", b"<html>sign in</html>"
        answer = self.tools.answer(json.loads(body))
        if answer is None:
            return 202, "text/plain", b""
        data = self._spoilt(answer)
        if not self.as_events or self.fault in ("another id", "truncated", "too long"):
            return 200, "application/json", data
        notice = b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{}}\n\n'
        return 200, "text/event-stream", notice + b"event: message\ndata: " + data + b"\n\n"

    def _spoilt(self, answer: dict[str, Any]) -> bytes:
        if self.fault == "another id":
            answer["id"] = 999
        if self.fault == "no result":
            answer = {"jsonrpc": "2.0", "id": answer["id"], "error": {"code": -32000, "message": "tools are away"}}
        data = json.dumps(answer).encode()
        if self.fault == "too long":
            return b" " * MAX_BYTES + data
        return data[: len(data) // 2] if self.fault == "truncated" else data

    def write(self, stream: BufferedIOBase, body: bytes) -> None:
        """Write the body, byte by byte when the fault is to be slow; the client may leave before its end."""
        is_slow = self.fault == "slow"
        pieces = [body[at : at + 1] for at in range(len(body))] if is_slow else [body]
        with suppress(ConnectionError):
            for piece in pieces:
                stream.write(piece)
                if is_slow:
                    self.is_over.wait(0.05)


def _handler(server: McpServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.headers.append(CaseInsensitiveDict(self.headers.items()))
            status, kind, body = server.reply(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Mcp-Session-Id", "session-7")
            if status == 307:
                self.send_header("Location", "/elsewhere/")
            if server.fault == "compressed":
                self.send_header("Content-Encoding", "gzip")
                body = gzip.compress(body)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            server.write(self.wfile, body)

        def do_GET(self) -> None:
            server.streams_opened += 1
            self.send_error(405)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


def _schema(arguments: tuple[str, ...]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in arguments}}


def _text(answer: object) -> list[dict[str, Any]]:
    return [{"type": "text", "text": json.dumps(answer)}]


def main() -> None:
    """Serve the repository named on the command line on stdin and stdout."""
    tools = Tools(sys.argv[1])
    for line in sys.stdin:
        answer = tools.answer(json.loads(line))
        if answer is not None:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
