"""The tools the code model may call: files, searches and commits of one repository, all read-only."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from shared.agent.agent import Toolbox
from shared.agent.claim_checks import GroundingContext
from shared.bounds import clip
from shared.code_host import edits
from shared.code_host.port import CodeReader
from shared.contracts import CodeAnalysis
from shared.errors import Rejected
from shared.model.port import Tool
from shared.step import recorder

from .validate_findings import grounded

ROUNDS = 3
LINES = 160
DIFF_CHARS = 6_000
_SHA = re.compile(r"[0-9a-f]{7,40}")
_CLOSED = re.compile(
    r"(?i)(^|/)(\.env[^/]*|[^/]*\.(env|pem|key|p12|pfx|jks|keystore|tfstate)|id_(rsa|ed25519|ecdsa)[^/]*"
    r"|\.(npmrc|pypirc|netrc|htpasswd)|[^/]*(secret|credential)[^/]*\.(ya?ml|json|toml|ini|properties|txt))$"
)
"""Files that may hold secrets."""


class RepositoryTools:
    """Reads for the model at the analysed commit, and records what was read."""

    def __init__(self, reader: CodeReader, offline: CodeAnalysis) -> None:
        self._reader = reader
        self._offline = offline
        self._commit = offline.commit or ""
        self._files: dict[str, str] = {}
        self._results: list[str] = []

    def toolbox(self) -> Toolbox:
        """Return the tools."""
        tools = (
            Tool("read_file", f"Read {LINES} lines of a file at the analysed commit.", _READ, self.read_file),
            Tool("search_code", "List files that contain a text, at most 10.", _SEARCH, self.search_code),
            Tool("get_commit", "Read a commit's message and changes.", _COMMIT, self.get_commit),
        )
        return Toolbox(tools, ROUNDS, read=lambda: tuple(self._results))

    def read_file(self, args: Mapping[str, Any]) -> str:
        """Return part of a file. Raises Rejected for a path outside the repository or one that may hold secrets."""
        path, first = _text(args, "path", 500), max(_whole(args, "first_line", 1), 1)
        edits.check_path(path)
        if _CLOSED.search(path):
            raise Rejected(f"{path!r} is not readable by models: it may hold secrets")
        return self._recorded("read_file", {"path": path, "first_line": first}, lambda: self._part(path, first))

    def search_code(self, args: Mapping[str, Any]) -> str:
        """Return the paths of files that contain a text."""
        text = _text(args, "text", 200)
        return self._recorded("search_code", {"text": text}, lambda: "\n".join(self._matches(text)) or "no file")

    def get_commit(self, args: Mapping[str, Any]) -> str:
        """Return a commit's message and changes, at most DIFF_CHARS. Raises Rejected for a malformed commit id."""
        sha = _text(args, "sha", 40).lower()
        if not _SHA.fullmatch(sha):
            raise Rejected(f"{sha!r} is not a commit id: give 7 to 40 hexadecimal digits")
        return self._recorded("get_commit", {"sha": sha}, lambda: self._change(sha))

    def check(self, refined: CodeAnalysis, context: GroundingContext) -> tuple[CodeAnalysis, list[str]]:
        """Check the findings against the code that was read."""
        return grounded(refined, self._offline, context, self._files)

    def _recorded(self, name: str, args: dict[str, object], read: Callable[[], str]) -> str:
        with recorder.tool(name, **args) as call:
            call.result = read()
        self._results.append(call.result)
        return call.result

    def _part(self, path: str, first: int) -> str:
        text = self._reader.read(path, self._commit)
        if text is None:
            raise Rejected(f"there is no text file {path!r} at {self._commit[:12]}")
        self._files[path] = text
        lines = text.split("\n")
        part = lines[first - 1 : first - 1 + LINES]
        return f"{path}, lines {first} to {first + len(part) - 1} of {len(lines)}\n" + "\n".join(part)

    def _matches(self, text: str) -> list[str]:
        return [path for path in self._reader.search(text, 10) if not _CLOSED.search(path)]

    def _change(self, sha: str) -> str:
        commit = self._reader.commit(sha)
        changes = [
            f"{change.status} {change.path}\n{change.patch or ''}"
            for change in commit.changes
            if not _CLOSED.search(change.path)
        ]
        return "\n".join([f"{commit.sha} {commit.at.isoformat()}", clip(commit.message, 1000), *changes])[:DIFF_CHARS]


def _text(args: Mapping[str, Any], name: str, limit: int) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise Rejected(f"{name!r} must be a text of 1 to {limit} characters")
    return value


def _whole(args: Mapping[str, Any], name: str, default: int) -> int:
    value = args.get(name, default)
    return int(value) if isinstance(value, int | float) and -1e9 < value < 1e9 else default


def _schema(**properties: dict[str, str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [next(iter(properties))]}


_READ = _schema(
    path={"type": "string", "description": "Path in the repository."},
    first_line={"type": "integer", "description": "Where to start, 1 by default."},
)
_SEARCH = _schema(text={"type": "string", "description": "What to look for, as it is written."})
_COMMIT = _schema(sha={"type": "string", "description": "The commit's id."})
