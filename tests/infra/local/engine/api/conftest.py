"""A running engine with a workflow that waits for the requested time."""

from collections.abc import Iterator

import pytest

from infra.local.engine.server import EngineServer

ECHO = """
main:
  params: [args]
  steps:
    - wait: {call: sys.sleep, args: {seconds: "${default(map.get(args, \\"wait_s\\"), 0)}"}}
    - check: {switch: [{condition: "${default(map.get(args, \\"fails\\"), false)}", raise: {code: 7, message: failed}}]}
    - give: {return: "${args}"}
"""


@pytest.fixture
def engine() -> Iterator[EngineServer]:
    """Serve the workflow `echo` on loopback."""
    with EngineServer(project="demo", location="here") as server:
        server.deploy("echo", ECHO, {"COLOUR": "green"})
        yield server
