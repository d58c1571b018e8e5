"""Read GitHub through an MCP server, the official remote one or a process; REST reads what that cannot."""

import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import Field, SecretStr

from shared import clock, log
from shared.code_host.mcp_client import McpClient
from shared.code_host.mcp_transports import HttpTransport, StdioTransport, Transport
from shared.code_host.port import CodeReader, Commit, Comparison, Deployment, FileChange, Release
from shared.errors import BadAnswer, IncidentCopilotError, Misconfigured, Unavailable
from shared.settings import Settings, lookup

READ_TOOLS = ("search_code", "get_file_contents", "list_commits", "get_commit")
"""The tools that may be called; all of them only read."""

_PLAIN = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[\w@+.-]+(?:/[\w@+.-]+)*")
_FULL_SHA = re.compile(r"[0-9a-f]{40}")
_STATUSES = {"added": "added", "copied": "added", "removed": "removed", "renamed": "renamed"}
_MAX_SEARCHED_CHARS = 128
_MAX_PER_PAGE = 100

Answer = TypeVar("Answer")


class McpSettings(Settings):
    """Where GitHub's MCP server is: a command that starts one, else a URL; it has the token's permissions."""

    github_mcp_url: str = Field(
        "https://api.githubcopilot.com/mcp/",
        pattern=r"^https?://[^\s@]+$",
        description="GitHub's MCP server, streamable HTTP.",
    )
    github_mcp_command: list[str] = Field(
        default_factory=list,
        description="JSON list: a command that starts an MCP server on stdio; used instead of the URL.",
    )
    github_mcp_timeout_s: float = Field(15, gt=0, le=120, description="Seconds for one request to the MCP server.")
    github_token: SecretStr | None = Field(
        None,
        description="Token for GitHub, which reads contents and deployments, writes contents and pull requests; unset "
        "and without an app, public repositories are read and none is written.",
    )


class McpReader:
    """
    One repository, read by MCP where its tools give an exact answer, and by `rest` where they do not.

    After one failure the server is not called again; then only `rest` reads.
    Source: https://github.com/github/github-mcp-server
    """

    def __init__(self, settings: McpSettings, rest: CodeReader) -> None:
        self.repo = rest.repo
        self._settings = settings
        self._rest = rest
        self._client: McpClient | None = None
        # A session of MCP is one conversation: what other threads ask waits.
        self._turn = threading.Lock()
        self.is_available = True
        owner, name = rest.repo.split("/")
        self._where = {"owner": owner, "repo": name}

    def default_branch(self) -> str:
        """Return the name of the default branch, by REST: no MCP tool returns it."""
        return self._rest.default_branch()

    def resolve(self, ref: str) -> str | None:
        """Return the full sha of a ref, by REST: no MCP tool distinguishes a missing ref from a failure."""
        return self._rest.resolve(ref)

    def paths(self, ref: str) -> Sequence[str]:
        """Return the path of every file at `ref`, by REST: no MCP tool lists a whole tree."""
        return self._rest.paths(ref)

    def read(self, path: str, ref: str) -> str | None:
        """Return a file's exact text at `ref`; by REST when MCP has no such text or the file is absent."""
        return self._mcp_or_rest(lambda client: self._text(client, path, ref), lambda: self._rest.read(path, ref))

    def read_files(self, places: Sequence[tuple[str, str]]) -> list[str | None]:
        """Return the texts at several (path, ref), one after the other."""
        return [self.read(path, ref) for path, ref in places]

    def commits(
        self, ref: str, *, path: str | None = None, until: datetime | None = None, limit: int = 20
    ) -> Sequence[Commit]:
        """Return commits reachable from `ref`, newest first; by REST when MCP cannot filter by path or time."""
        return self._mcp_or_rest(
            lambda client: self._history(client, ref, path, until, limit),
            lambda: self._rest.commits(ref, path=path, until=until, limit=limit),
        )

    def commit(self, sha: str) -> Commit:
        """Return one commit with its changes; by REST when MCP gives no diffs. Raises Refused when it is absent."""
        return self._mcp_or_rest(lambda client: self._change(client, sha), lambda: self._rest.commit(sha))

    def read_commits(self, shas: Sequence[str]) -> list[Commit]:
        """Return commits with their changes, one after the other."""
        return [self.commit(sha) for sha in shas]

    def search(self, text: str, limit: int = 10) -> Sequence[str]:
        """Return paths of files on the default branch that contain `text`."""
        return self._mcp_or_rest(
            lambda client: self._search(client, text, limit), lambda: self._rest.search(text, limit)
        )

    def deployments(self, start: datetime, end: datetime) -> Sequence[Deployment]:
        """Return the newest deployments, by REST: no MCP tool lists them."""
        return self._rest.deployments(start, end)

    def releases(self) -> Sequence[Release]:
        """Return the newest releases, by REST, which says when each was published."""
        return self._rest.releases()

    def compare(self, base: str, head: str) -> Comparison:
        """Return what lies between two commits, by REST: no MCP tool compares them."""
        return self._rest.compare(base, head)

    def _mcp_or_rest(self, by_mcp: Callable[[McpClient], Answer | None], by_rest: Callable[[], Answer]) -> Answer:
        """Return MCP's answer, or REST's when MCP has none."""
        with self._turn:
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
                raise Unavailable(f"The MCP handshake failed: {error}") from error
            log.debug("code_host.mcp_connected", tools=sorted(offered))
            self._client = client
        return self._client

    def _text(self, client: McpClient, path: str, ref: str) -> str | None:
        # The npm server puts both into a URL unescaped, so anything that could leave the repository is not sent.
        if "get_file_contents" not in client.tools or not (_PLAIN.fullmatch(path) and _PLAIN.fullmatch(ref)):
            return None
        # The npm server's argument is `branch`; GitHub's own server has `ref` and `sha`.
        content = client.call("get_file_contents", **self._where, path=path, ref=ref, branch=ref)
        text = content.resource if content.resource is not None else _content_of(content.data())
        # Both servers return the blob's id; a patch needs the exact bytes, so a text with another id is not used.
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
        answer = client.call("list_commits", **self._where, sha=ref, path=path, until=moment, perPage=limit).data()
        return [_commit(each) for each in _list(answer)][:limit]

    def _change(self, client: McpClient, sha: str) -> Commit | None:
        if "get_commit" not in client.tools:
            return None
        answer = client.call("get_commit", **self._where, sha=sha, include_diff=True, detail="full_patch").data()
        files = answer.get("files") if isinstance(answer, dict) else None
        # No patch at all means that the server left the diffs out; a revert needs them.
        return _commit(answer) if files and any(file.get("patch") for file in files) else None

    def _search(self, client: McpClient, text: str, limit: int) -> list[str] | None:
        if "search_code" not in client.tools:
            return None
        words = " ".join(text.replace('"', " ").replace("\\", " ").split())[:_MAX_SEARCHED_CHARS]
        query = f'"{words}" repo:{self.repo}'
        answer = client.call("search_code", query=query, q=query, perPage=limit, per_page=limit).data()
        items = _list(answer.get("items") if isinstance(answer, dict) else None)
        return [str(item["path"]) for item in items if item.get("path")][:limit]


def _transport(settings: McpSettings) -> Transport:
    token = settings.github_token.get_secret_value() if settings.github_token else None
    if settings.github_mcp_command:
        # The child gets only what it needs of this function's environment.
        environment = {name: value for name in ("PATH", "HOME", "npm_config_registry") if (value := lookup(name))}
        return StdioTransport(
            settings.github_mcp_command, {**environment, **({"GITHUB_PERSONAL_ACCESS_TOKEN": token} if token else {})}
        )
    if token is None:
        raise Misconfigured("GitHub's MCP server needs GITHUB_TOKEN")
    # GitHub's own server then offers no tool that writes; the client would not call one either.
    read_only = {"X-MCP-Readonly": "true", "X-MCP-Toolsets": "repos"}
    headers = {"Authorization": f"Bearer {token}", **read_only}
    return HttpTransport(settings.github_mcp_url, headers, settings.github_mcp_timeout_s)


def _content_of(answer: Any) -> str | None:
    """Return a file's text from the npm server's answer: GitHub's object, with its content already decoded."""
    text = answer.get("content") if isinstance(answer, dict) and answer.get("type") == "file" else None
    return text if isinstance(text, str) else None


def _blob_sha(text: str) -> str:
    """Return git's id for a file with this text."""
    content = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324  # git's own hash


def _list(answer: Any) -> list[dict[str, Any]]:
    if not isinstance(answer, list):
        raise BadAnswer("the MCP tool did not answer with a list")
    return [item for item in answer if isinstance(item, dict)]


def _commit(answer: dict[str, Any]) -> Commit:
    """Return the commit in either server's answer: GitHub's REST object or part of it. Raises BadAnswer."""
    commit = answer.get("commit")
    who = (commit.get("committer") or commit.get("author") or {}) if isinstance(commit, dict) else {}
    sha, moment = str(answer.get("sha")), str(who.get("date", ""))
    if not isinstance(commit, dict) or not _FULL_SHA.fullmatch(sha) or not moment:
        raise BadAnswer("the MCP tool returned a commit without its sha or its time")
    return Commit(
        sha=sha,
        author=str((commit.get("author") or who).get("name") or ""),
        at=clock.to_utc(datetime.fromisoformat(moment)),
        message=str(commit.get("message") or ""),
        url=str(answer.get("html_url") or ""),
        parents=tuple(str(each.get("sha")) for each in answer.get("parents") or ()),
        changes=tuple(_file_change(each) for each in answer.get("files") or ()),
    )


def _file_change(answer: dict[str, Any]) -> FileChange:
    status = _STATUSES.get(str(answer.get("status")), "modified")
    return FileChange(
        path=str(answer.get("filename")),
        status=status,  # type: ignore[arg-type]  # one of the four, by the table
        patch=answer.get("patch"),
        previous_path=answer.get("previous_filename"),
    )
