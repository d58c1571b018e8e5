"""Read GitHub through its MCP server, the official remote one or a process; what that cannot tell, REST does."""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import Field, SecretStr

from shared import clock, log
from shared.code_host.mcp_client import HttpTransport, McpClient, StdioTransport, Transport
from shared.code_host.port import CodeReader, Commit, FileChange
from shared.errors import BadAnswer, IncidentCopilotError, Misconfigured, Unavailable
from shared.settings import Settings, lookup

READ_TOOLS = ("search_code", "get_file_contents", "list_commits", "get_commit")
"""The tools this house may call; every one of them only reads."""

_PLAIN = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[\w@+.-]+(?:/[\w@+.-]+)*")
_FULL_SHA = re.compile(r"[0-9a-f]{40}")
_STATUSES = {"added": "added", "copied": "added", "removed": "removed", "renamed": "renamed"}
_MAX_SEARCHED_CHARS = 128
_MAX_PER_PAGE = 100

Got = TypeVar("Got")


class McpSettings(Settings):
    """Where GitHub's MCP server is: a command to start one, else a URL; it acts with the rights of the token."""

    github_mcp_url: str = Field(
        "https://api.githubcopilot.com/mcp/",
        pattern=r"^https?://[^\s@]+$",
        description="GitHub's MCP server, streamable HTTP.",
    )
    github_mcp_command: list[str] = Field(
        default_factory=list, description="JSON list that starts an MCP server on stdio; it wins over the URL."
    )
    github_mcp_timeout_s: float = Field(15, gt=0, le=120, description="Seconds for one request to the MCP server.")
    github_token: SecretStr | None = None


class McpReader:
    """
    One repository read by MCP where its tools can tell what is asked exactly, by `rest` where they cannot.

    A server that fails once is not asked again; `rest` then reads alone.
    Source: https://github.com/github/github-mcp-server
    """

    def __init__(self, settings: McpSettings, rest: CodeReader) -> None:
        self.repo = rest.repo
        self._settings = settings
        self._rest = rest
        self._client: McpClient | None = None
        self.is_available = True
        owner, name = rest.repo.split("/")
        self._where = {"owner": owner, "repo": name}

    def default_branch(self) -> str:
        """Return the name of the default branch, by REST: no MCP tool tells it."""
        return self._rest.default_branch()

    def resolve(self, ref: str) -> str | None:
        """Return the full sha of a ref, by REST: no MCP tool tells a missing ref from a failure."""
        return self._rest.resolve(ref)

    def paths(self, ref: str) -> Sequence[str]:
        """Return the path of every file at `ref`, by REST: no MCP tool lists a whole tree."""
        return self._rest.paths(ref)

    def read(self, path: str, ref: str) -> str | None:
        """Return a file's text at `ref`, exact to the byte; REST where MCP has no such text, absent files too."""
        return self._asked(lambda client: self._text(client, path, ref), lambda: self._rest.read(path, ref))

    def commits(
        self, ref: str, *, path: str | None = None, until: datetime | None = None, limit: int = 20
    ) -> Sequence[Commit]:
        """Return commits reachable from `ref`, newest first; REST where MCP cannot narrow to a path or a time."""
        return self._asked(
            lambda client: self._history(client, ref, path, until, limit),
            lambda: self._rest.commits(ref, path=path, until=until, limit=limit),
        )

    def commit(self, sha: str) -> Commit:
        """Return one commit with its changes; REST where MCP tells no diffs. Raises Refused when there is none."""
        return self._asked(lambda client: self._change(client, sha), lambda: self._rest.commit(sha))

    def search(self, text: str, limit: int = 10) -> Sequence[str]:
        """Return paths of files on the default branch that contain `text`."""
        return self._asked(lambda client: self._found(client, text, limit), lambda: self._rest.search(text, limit))

    def _asked(self, by_mcp: Callable[[McpClient], Got | None], by_rest: Callable[[], Got]) -> Got:
        """Return MCP's answer, else REST's when it has none."""
        try:
            answer = by_mcp(self._connected()) if self.is_available else None
        except IncidentCopilotError as error:
            self.is_available = not isinstance(error, Unavailable | Misconfigured)
            log.warning("code_host.mcp_failed", error_type=type(error).__name__, error=str(error))
            answer = None
        return by_rest() if answer is None else answer

    def _connected(self) -> McpClient:
        if self._client is None:
            client = McpClient(_transport(self._settings), READ_TOOLS, self._settings.github_mcp_timeout_s)
            try:
                offered = client.tools
            except IncidentCopilotError as error:
                raise Unavailable(f"The MCP server could not be greeted: {error}") from error
            log.debug("code_host.mcp_connected", tools=sorted(offered))
            self._client = client
        return self._client

    def _text(self, client: McpClient, path: str, ref: str) -> str | None:
        # The npm server puts both into an address as they are, so what could climb out of the repository is not asked.
        if "get_file_contents" not in client.tools or not (_PLAIN.fullmatch(path) and _PLAIN.fullmatch(ref)):
            return None
        # The npm server calls a ref a branch; GitHub's own knows `ref` and `sha`.
        content = client.call("get_file_contents", **self._where, path=path, ref=ref, branch=ref)
        text = content.resource if content.resource is not None else _content_of(content.data())
        # Both servers tell the blob's id; a patch stands on these bytes, so a text it does not belong to is not used.
        return text if text is not None and _blob_sha(text) in " ".join(content.texts) else None

    def _history(
        self, client: McpClient, ref: str, path: str | None, until: datetime | None, limit: int
    ) -> list[Commit] | None:
        arguments = client.tools.get("list_commits", frozenset())
        if not arguments or (path and "path" not in arguments) or (until and "until" not in arguments):
            return None
        if limit > _MAX_PER_PAGE:
            return None
        moment = until.isoformat().replace("+00:00", "Z") if until else None
        told = client.call("list_commits", **self._where, sha=ref, path=path, until=moment, perPage=limit).data()
        return [_commit(each) for each in _list(told)][:limit]

    def _change(self, client: McpClient, sha: str) -> Commit | None:
        if "get_commit" not in client.tools:
            return None
        told = client.call("get_commit", **self._where, sha=sha, include_diff=True, detail="full_patch").data()
        files = told.get("files") if isinstance(told, dict) else None
        # Without a single patch the server left the diffs out, which a revert cannot do without.
        return _commit(told) if files and any(file.get("patch") for file in files) else None

    def _found(self, client: McpClient, text: str, limit: int) -> list[str] | None:
        if "search_code" not in client.tools:
            return None
        words = " ".join(text.replace('"', " ").replace("\\", " ").split())[:_MAX_SEARCHED_CHARS]
        query = f'"{words}" repo:{self.repo}'
        told = client.call("search_code", query=query, q=query, perPage=limit, per_page=limit).data()
        items = _list(told.get("items") if isinstance(told, dict) else None)
        return [str(item["path"]) for item in items if item.get("path")][:limit]


def _transport(settings: McpSettings) -> Transport:
    token = settings.github_token.get_secret_value() if settings.github_token else None
    if settings.github_mcp_command:
        # A child sees what it needs and nothing else that this function was granted.
        environment = {name: value for name in ("PATH", "HOME", "npm_config_registry") if (value := lookup(name))}
        return StdioTransport(
            settings.github_mcp_command, {**environment, **({"GITHUB_PERSONAL_ACCESS_TOKEN": token} if token else {})}
        )
    if token is None:
        raise Misconfigured("GitHub's MCP server needs GITHUB_TOKEN")
    # GitHub's own server then offers no tool that writes; ours would not call one either way.
    read_only = {"X-MCP-Readonly": "true", "X-MCP-Toolsets": "repos"}
    return HttpTransport(settings.github_mcp_url, {"Authorization": f"Bearer {token}", **read_only})


def _content_of(told: Any) -> str | None:
    """Return a file's text as the npm server tells it: GitHub's own object, its content decoded already."""
    text = told.get("content") if isinstance(told, dict) and told.get("type") == "file" else None
    return text if isinstance(text, str) else None


def _blob_sha(text: str) -> str:
    """Return the id git gives a file of this text."""
    whole = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(whole) + whole).hexdigest()  # noqa: S324  # git's own hash


def _list(told: Any) -> list[dict[str, Any]]:
    if not isinstance(told, list):
        raise BadAnswer("the MCP tool did not answer with a list")
    return [item for item in told if isinstance(item, dict)]


def _commit(told: dict[str, Any]) -> Commit:
    """Return a commit as both servers tell it: GitHub's REST object or part of it. Raises BadAnswer."""
    commit = told.get("commit")
    who = (commit.get("committer") or commit.get("author") or {}) if isinstance(commit, dict) else {}
    sha, moment = str(told.get("sha")), str(who.get("date", ""))
    if not isinstance(commit, dict) or not _FULL_SHA.fullmatch(sha) or not moment:
        raise BadAnswer("the MCP tool told of a commit without its sha or its time")
    return Commit(
        sha=sha,
        author=str((commit.get("author") or who).get("name") or ""),
        at=clock.to_utc(datetime.fromisoformat(moment)),
        message=str(commit.get("message") or ""),
        url=str(told.get("html_url") or ""),
        parents=tuple(str(each.get("sha")) for each in told.get("parents") or ()),
        changes=tuple(_file_change(each) for each in told.get("files") or ()),
    )


def _file_change(told: dict[str, Any]) -> FileChange:
    status = _STATUSES.get(str(told.get("status")), "modified")
    return FileChange(
        path=str(told.get("filename")),
        status=status,  # type: ignore[arg-type]  # one of the four, by the table
        patch=told.get("patch"),
        previous_path=told.get("previous_filename"),
    )
