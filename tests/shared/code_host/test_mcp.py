"""Reading a repository through an MCP server, by HTTP and by stdio, and by REST when that fails."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra import bundle
from infra.local.sandboxes.github.server import GithubSandbox
from shared.code_host import reader as code_reader
from shared.code_host.github import GithubSettings
from shared.code_host.github_reader import GithubReader
from shared.code_host.mcp import READ_TOOLS, McpReader, McpSettings
from shared.code_host.mcp_client import McpClient
from shared.code_host.mcp_transports import StdioTransport
from shared.errors import Refused, Unavailable
from shared.http.parallel import in_parallel
from tests.shared.code_host import mcp_server
from tests.shared.code_host.mcp_server import McpServer

Git = Callable[..., str]
CHILD = """
import json, os, signal, sys
schema = {'type': 'object', 'properties': {name: {} for name in ('query', *os.environ)}}
tools = {'tools': [{'name': 'search_code', 'inputSchema': schema}]}
server = {'protocolVersion': '2025-06-18', 'capabilities': {}, 'serverInfo': {'name': 'x', 'version': '1'}}
for line in sys.stdin:
    if 'id' in (message := json.loads(line)):
        print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': {**server, **tools}}), flush=True)
"""
TOKEN = "ghp_0123456789secret"
NPM_SERVER = shutil.which("mcp-server-github")


@pytest.fixture
def server(git_dir: Path) -> Iterator[McpServer]:
    """An MCP server over the same repository as the REST sandbox."""
    with McpServer(str(git_dir)) as running:
        yield running


@pytest.fixture
def rest(settings: GithubSettings, sandbox: GithubSandbox) -> GithubReader:
    """The fallback reader of MCP."""
    return GithubReader(settings, sandbox.repo)


@pytest.fixture
def reader(server: McpServer, rest: GithubReader) -> McpReader:
    """An MCP reader over HTTP."""
    return McpReader(
        McpSettings(github_mcp_url=server.url, github_mcp_timeout_s=2, github_token=SecretStr(TOKEN)), rest
    )


def _by_stdio(git_dir: Path, rest: GithubReader) -> McpReader:
    command = [sys.executable, mcp_server.__file__, str(git_dir)]
    return McpReader(McpSettings(github_mcp_command=command, github_token=SecretStr(TOKEN)), rest)


@pytest.mark.parametrize("as_events", [True, False])
def test_answers_equal_those_of_rest_without_calling_it(
    reader: McpReader, rest: GithubReader, server: McpServer, sandbox: GithubSandbox, git: Git, as_events: bool
) -> None:
    """Files, commits and search are the same both ways, whether the server streams or not."""
    server.as_events = as_events
    head, until = git("rev-parse", "main"), datetime(2026, 3, 1, 12, tzinfo=UTC)
    reads = (
        lambda by: by.read("src/cart.py", head),
        lambda by: [(each.sha, each.at, each.message, each.author) for each in by.commits("main")],
        lambda by: [each.sha for each in by.commits(head, path="src/cart.py", until=until)],
        lambda by: sorted((change.path, change.status) for change in by.commit(git("rev-parse", "v1.0")).changes)[:2],
        lambda by: list(by.search("return sum(items)")),
    )

    answers = [read(reader) for read in reads]

    assert sandbox.requests == []
    assert answers == [read(rest) for read in reads]
    assert [name for name, _ in server.tools.called] == [
        "get_file_contents", "list_commits", "list_commits", "get_commit", "search_code",
    ]  # fmt: skip


def test_server_on_stdio_answers_too(git_dir: Path, rest: GithubReader, git: Git) -> None:
    """A local server started by a command works like the remote one."""
    reader = _by_stdio(git_dir, rest)

    assert reader.read("src/cart.py", git("rev-parse", "main")) == rest.read("src/cart.py", "main")
    assert [each.subject for each in reader.commits("main")] == ["Average the cart", "Start the shop"]


def test_child_sees_only_the_token_and_its_path(
    git_dir: Path, rest: GithubReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's server gets nothing else of the function's environment."""
    monkeypatch.setenv("GMAIL_CLIENT_SECRET", "of no use to GitHub")
    settings = McpSettings(github_mcp_command=[sys.executable, "-c", CHILD], github_token=SecretStr(TOKEN))

    names = McpReader(settings, rest)._connected().tools["search_code"]

    assert names - {"LC_CTYPE", "query"} <= {"PATH", "HOME", "GITHUB_PERSONAL_ACCESS_TOKEN", "npm_config_registry"}
    assert "GITHUB_PERSONAL_ACCESS_TOKEN" in names


@pytest.mark.parametrize(
    "fault",
    ["307", "401", "429", "500", "html", "another id", "no result", "truncated", "too long", "compressed", "slow"],
)
def test_failing_server_leaves_reading_to_rest(reader: McpReader, server: McpServer, git: Git, fault: str) -> None:
    """With any fault, REST reads the file, and the server is not called again, nor is any other it redirects to."""
    server.fault = fault

    assert (reader.read("src/cart.py", git("rev-parse", "main")) or "").startswith("def total")
    assert [each.subject for each in reader.commits("main")] == ["Average the cart", "Start the shop"]
    assert not reader.is_available
    assert len(server.headers) <= 2


def test_server_that_fails_later_is_not_used_any_more(reader: McpReader, server: McpServer, git: Git) -> None:
    """A working session may end."""
    head = git("rev-parse", "main")
    reader.read("src/cart.py", head)
    server.fault = "500"

    assert reader.read("run.sh", head) == "#!/bin/sh\n"
    assert not reader.is_available


def test_absent_file_and_unusual_bytes_are_read_by_rest(reader: McpReader, rest: GithubReader, git: Git) -> None:
    """MCP returns text only; a text whose hash does not match is read again."""
    head = git("rev-parse", "main")

    for path in ("none.py", "latin.txt", "logo.bin", "windows.txt"):
        assert reader.read(path, head) == rest.read(path, head)
    assert reader.is_available


@pytest.mark.parametrize(
    "path", ["../../octo/secret/contents/x", "src/../../x", "x?ref=other", "a#b", "/etc/passwd", ""]
)
def test_path_that_could_leave_the_repository_reaches_no_tool(reader: McpReader, server: McpServer, path: str) -> None:
    """The npm server puts a path into a URL unescaped."""
    assert reader.read(path, "main") is None
    assert server.tools.called == []


def test_tools_that_write_are_never_called(server: McpServer, reader: McpReader) -> None:
    """The server offers them, but they are not in the list of allowed tools."""
    client = reader._connected()

    assert set(client.tools) == set(READ_TOOLS)
    for name in (*mcp_server.WRITING, "delete_file", "tools/list"):
        with pytest.raises(Refused):
            client.call(name, owner="octo", repo="shop")
    assert server.tools.called == []


def test_filter_that_the_server_lacks_is_left_to_rest(
    reader: McpReader, server: McpServer, sandbox: GithubSandbox
) -> None:
    """The npm server filters neither by path nor by time, and has no tool for one commit."""
    server.tools.offered = {"list_commits": ("owner", "repo", "sha", "perPage")}

    assert [each.subject for each in reader.commits("main", path="run.sh")] == ["Start the shop"]
    assert len(reader.commit("v1.0").changes) > 0 or sandbox.requests
    assert reader.search("return sum(items)") == ["src/cart.py"]
    assert server.tools.called == []


def test_token_is_sent_with_a_request_for_read_only_tools(reader: McpReader, server: McpServer) -> None:
    """GitHub's own server then offers no writing tool; the session id is sent back."""
    reader.search("sum")

    assert all(
        each["Authorization"] == f"Bearer {TOKEN}" and each["X-MCP-Readonly"] == "true" for each in server.headers
    )
    assert server.headers[-1]["Mcp-Session-Id"] == "session-7"


def test_no_stream_of_the_servers_own_messages_is_opened(reader: McpReader, server: McpServer) -> None:
    """Nothing would read it, and a function is paused between two requests."""
    reader.search("sum")
    reader.search("VALUE")

    assert server.headers[-1]["Mcp-Session-Id"] == "session-7"
    assert server.streams_opened == 0


@pytest.mark.parametrize("fault", ["truncated", "html", "no result"])
def test_sdk_logs_nothing_of_what_a_server_sends(
    reader: McpReader, server: McpServer, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """A repository's text may hold secrets; our own log says what failed."""
    server.fault = fault

    reader.search("sum")

    assert not reader.is_available
    assert [record.getMessage() for record in caplog.records if record.name != "asyncio"] == []


def test_threads_take_turns_in_one_session(reader: McpReader, rest: GithubReader, server: McpServer, git: Git) -> None:
    """Several files, beside each other where REST reads them, are the same."""
    places = [(path, git("rev-parse", "main")) for path in ("src/cart.py", "run.sh", "windows.txt", "src/deep/new.py")]

    assert (
        in_parallel(lambda place: reader.read(*place), places) == reader.read_files(places) == rest.read_files(places)
    )
    assert [name for name, _ in server.tools.called] == ["get_file_contents"] * 2 * len(places)


def test_server_that_fails_costs_several_threads_one_timeout(rest: GithubReader, git: Git) -> None:
    """Those that wait for their turn do not ask it any more."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    settings = McpSettings(github_mcp_command=command, github_mcp_timeout_s=1, github_token=SecretStr(TOKEN))
    reader, start = McpReader(settings, rest), time.monotonic()

    texts = in_parallel(lambda path: reader.read(path, git("rev-parse", "main")), ["src/cart.py", "run.sh"])

    assert (None in texts, reader.is_available) == (False, False)
    assert time.monotonic() - start < 2 * settings.github_mcp_timeout_s + 5


def test_server_that_never_answers_costs_one_timeout(rest: GithubReader) -> None:
    """After the first timeout, the server is not called again."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    reader = McpReader(McpSettings(github_mcp_command=command, github_mcp_timeout_s=0.3), rest)

    assert reader.search("return sum(items)") == ["src/cart.py"]
    assert not reader.is_available
    assert reader.search("VALUE") == ["src/deep/new.py"]


def test_command_that_does_not_exist_is_unavailable() -> None:
    """The error names the variable."""
    client = McpClient(StdioTransport(["no-such-program-here"], {}), READ_TOOLS, 5)

    with pytest.raises(Unavailable, match="GITHUB_MCP_COMMAND"):
        _ = client.tools


def test_setting_chooses_the_reader(monkeypatch: pytest.MonkeyPatch, server: McpServer, sandbox: GithubSandbox) -> None:
    """CODE_SEARCH_PROVIDER=mcp reads by MCP; rest is the default."""
    for name, value in {"GITHUB_REPO": "octo/shop", "GITHUB_API_URL": sandbox.url, "GITHUB_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, value)
    assert isinstance(code_reader.connect(None), GithubReader)

    monkeypatch.setenv("CODE_SEARCH_PROVIDER", "mcp")
    monkeypatch.setenv("GITHUB_MCP_URL", server.url)
    reader = code_reader.connect(None)

    assert isinstance(reader, McpReader)
    assert reader.search("return sum(items)") == ["src/cart.py"]
    assert [name for name, _ in server.tools.called] == ["search_code"]


def test_sdk_is_loaded_only_when_it_is_chosen() -> None:
    """It takes half a second and 13 MB, which reading by REST must not pay."""
    code = "import sys; from shared.code_host import reader; reader.connect('octo/shop'); print('mcp' in sys.modules)"
    settings = {"GITHUB_REPO": "octo/shop", "GITHUB_TOKEN": TOKEN, "PYTHONPATH": str(bundle.ROOT)}
    chosen = {provider: {**settings, "CODE_SEARCH_PROVIDER": provider} for provider in ("rest", "mcp")}

    loaded = {
        provider: subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout
        for provider, environment in chosen.items()
    }

    assert loaded == {"rest": b"False\n", "mcp": b"True\n"}


@pytest.mark.skipif(NPM_SERVER is None, reason="npm install -g @modelcontextprotocol/server-github was not run")
def test_npm_server_reads_the_same(rest: GithubReader, sandbox: GithubSandbox, git: Git, tmp_path: Path) -> None:
    """The real server, with its fixed GitHub URL redirected to the sandbox."""
    redirect = tmp_path / "redirect.mjs"
    redirect.write_text(
        f"const real = globalThis.fetch, here = {json.dumps(sandbox.url)};\n"
        "globalThis.fetch = (url, options) => real(String(url).replace('https://api.github.com', here), options);\n"
    )
    script = str(Path(NPM_SERVER or "").resolve())
    command = [shutil.which("node") or "node", "--import", str(redirect), script]
    reader = McpReader(McpSettings(github_mcp_command=command, github_token=SecretStr(TOKEN)), rest)
    head = git("rev-parse", "main")

    assert reader.read("src/cart.py", head) == "def total(items):\n    return sum(items) / len(items)\n"
    assert [each.subject for each in reader.commits("main")] == ["Average the cart", "Start the shop"]
    assert reader.search("return sum(items)") == ["src/cart.py"]
    assert reader.is_available
    assert not [each for each in sandbox.requests if "/git/" in str(each)]


def test_child_process_ends_with_its_client(git_dir: Path, tmp_path: Path) -> None:
    """The process ends with the client that started it."""
    note = tmp_path / "pid"
    script = f"echo $$ > {note}; exec {sys.executable} {mcp_server.__file__} {git_dir}"
    client = McpClient(StdioTransport(["sh", "-c", script], {"PATH": "/usr/bin:/bin"}), READ_TOOLS, 5)
    assert "search_code" in client.tools
    pid = int(note.read_text())
    os.kill(pid, 0)

    del client

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("script", ["print('no JSON', flush=True); input(); input()", "exit(3)"])
def test_process_that_speaks_no_protocol_ends_the_session_at_once(rest: GithubReader, script: str) -> None:
    """A line without JSON and the end of the process are not waited out."""
    reader = McpReader(McpSettings(github_mcp_command=[sys.executable, "-c", script], github_mcp_timeout_s=60), rest)
    began = time.monotonic()

    assert reader.search("return sum(items)") == ["src/cart.py"]
    assert not reader.is_available
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("too_long", "is_available"), [("", True), ("' ' * 2**24 + ", False)])
def test_line_of_a_process_has_a_limit(rest: GithubReader, too_long: str, is_available: bool) -> None:
    """An answer that would be right but for its length ends the session."""
    script = CHILD.replace("print(json", f"print({too_long}json")
    reader = McpReader(McpSettings(github_mcp_command=[sys.executable, "-c", script]), rest)

    assert reader.search("return sum(items)") == ["src/cart.py"]
    assert reader.is_available is is_available


def test_process_that_reads_no_more_costs_one_timeout() -> None:
    """A message that fits into no pipe is given up as an answer that does not come."""
    deaf = CHILD + "        if message['method'] == 'tools/list': signal.pause()\n"
    client = McpClient(StdioTransport([sys.executable, "-c", deaf], {}), READ_TOOLS, 1)
    assert list(client.tools) == ["search_code"]
    began = time.monotonic()

    with pytest.raises(Unavailable):
        client.call("search_code", query="x" * 1_000_000)

    assert time.monotonic() - began < 4


def test_slow_answer_has_no_more_time_than_one_that_never_comes(rest: GithubReader, server: McpServer) -> None:
    """The limit is for the whole answer, not for each byte."""
    server.fault = "slow"
    settings = McpSettings(github_mcp_url=server.url, github_mcp_timeout_s=0.5, github_token=SecretStr(TOKEN))
    began = time.monotonic()

    assert McpReader(settings, rest).search("return sum(items)") == ["src/cart.py"]
    assert time.monotonic() - began < 5
