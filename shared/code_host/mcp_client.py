"""One session with an MCP server, by the official SDK: only allowed tools, and each answer within a time limit.

The SDK is asynchronous: its session lives in an event loop of its own thread, until this client is dropped.
Source: https://github.com/modelcontextprotocol/python-sdk
"""

import logging
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import httpx2
import mcp
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.types import CONNECTION_CLOSED, PARSE_ERROR, REQUEST_TIMEOUT, EmbeddedResource, Implementation, TextContent
from pydantic import ValidationError

from shared import json_text
from shared.bounds import clip
from shared.code_host.mcp_transports import Transport
from shared.errors import BadAnswer, IncidentCopilotError, Refused, Unavailable

MAX_PAGES = 10

_LOGGERS = ("mcp", "client", "httpx2")
"""Those of the SDK."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Content:
    """What a tool answered: its texts, and the text of its embedded resource, or None without one."""

    texts: tuple[str, ...]
    resource: str | None = None

    def data(self) -> Any:
        """Return the answer as JSON. Raises BadAnswer."""
        try:
            return json_text.parsed(self.texts[0])
        except (IndexError, ValueError):
            raise BadAnswer("the MCP tool did not answer with JSON") from None


class McpClient:
    """One session with one server; only tools named in `allowed` can be called, whatever the server offers."""

    def __init__(self, transport: Transport, allowed: Sequence[str], timeout_s: float) -> None:
        self._transport = transport
        self._allowed = frozenset(allowed)
        self._timeout_s = timeout_s
        self._open = ExitStack()
        weakref.finalize(self, _close, self._open)

    @cached_property
    def tools(self) -> Mapping[str, frozenset[str]]:
        """Do the handshake; return the allowed tools that the server offers, with the names of their arguments."""
        listed = self._answer(_listed)
        return {
            tool.name: frozenset(tool.input_schema.get("properties") or ())
            for tool in listed
            if tool.name in self._allowed
        }

    def call(self, name: str, **arguments: object) -> Content:
        """
        Return a tool's answer; arguments that it does not accept, and those that are None, are left out.

        Raises Refused (a tool that is not allowed or not offered, or that failed), BadAnswer, Unavailable, Throttled.
        """
        if name not in self._allowed or name not in self.tools:
            raise Refused(f"The MCP tool {name!r} is not allowed, or the server does not offer it")
        accepted = {key: value for key, value in arguments.items() if value is not None and key in self.tools[name]}
        result = self._answer(lambda client: client.call_tool(name, accepted))
        content = _content(result)
        if result.is_error:
            raise Refused(f"The MCP tool {name!r} failed: {' '.join(content.texts)[:300]}")
        return content

    def _answer(self, ask: Callable[[mcp.Client], Awaitable[Answer]]) -> Answer:
        portal, client = self._session
        self._transport.refusal = None
        with _errors(self._transport):
            return portal.call(ask, client)

    @cached_property
    def _session(self) -> tuple[BlockingPortal, mcp.Client]:
        # The SDK logs what a server sends, and the text of a repository may hold secrets.
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        portal = self._open.enter_context(start_blocking_portal(name="mcp"))
        with _errors(self._transport):
            opened = portal.wrap_async_context_manager(_connected(self._transport, self._timeout_s))
            return portal, self._open.enter_context(opened)


@asynccontextmanager
async def _connected(transport: Transport, timeout_s: float) -> AsyncIterator[mcp.Client]:
    # The handshake that every server of today answers; the newer probe costs servers that lack it a round trip.
    async with mcp.Client(
        transport.connect(),
        client_info=Implementation(name="incident-copilot", version="1"),
        mode="legacy",
        read_timeout_seconds=timeout_s,
    ) as client:
        yield client


async def _listed(client: mcp.Client) -> list[mcp.Tool]:
    tools: list[mcp.Tool] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if not cursor:
            break
    return tools


@contextmanager
def _errors(transport: Transport) -> Iterator[None]:
    """Raise the SDK's errors as ours: Refused, BadAnswer, Throttled, Unavailable."""
    try:
        yield
    except mcp.MCPError as error:
        raise transport.refusal or _protocol_error(transport.name, error) from error
    except ValidationError as error:
        raise BadAnswer(f"{transport.name} did not answer as the protocol says") from error
    except (RuntimeError, OSError, CancelledError, httpx2.HTTPError, ExceptionGroup) as error:
        raise Unavailable(f"{transport.name} did not answer: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """Return the type of an error, or of the first one in a group of the SDK's tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__


def _protocol_error(server: str, error: mcp.MCPError) -> IncidentCopilotError:
    if error.code in (CONNECTION_CLOSED, REQUEST_TIMEOUT):
        return Unavailable(f"{server} did not answer")
    if error.code == PARSE_ERROR:
        return BadAnswer(f"{server} did not answer with JSON")
    return Refused(f"{server} refused: {clip(error.message, 300)}")


def _close(opened: ExitStack) -> None:
    # A connection that failed reports its failure again at its end.
    with suppress(RuntimeError, OSError, CancelledError, IncidentCopilotError, httpx2.HTTPError, ExceptionGroup):
        opened.close()


def _content(result: mcp.types.CallToolResult) -> Content:
    texts = tuple(item.text for item in result.content if isinstance(item, TextContent))
    resources = (item.resource for item in result.content if isinstance(item, EmbeddedResource))
    return Content(
        texts, next((text for each in resources if isinstance(text := getattr(each, "text", None), str)), None)
    )
