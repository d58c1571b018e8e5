"""A running engine with a workflow that waits as long as told."""

from collections.abc import Iterator

import pytest

from infra.local.engine.server import EngineServer

ECHO = """
main:
  params: [args]
  steps:
    - wait: {call: sys.sleep, args: {seconds: "${default(map.get(args, \\"wait_s\\"), 0)}"}}
    - check: {switch: [{condition: "${default(map.get(args, \\"fails\\"), false)}", raise: {code: 7, message: told}}]}
    - give: {return: "${args}"}
"""


@pytest.fixture
def engine() -> Iterator[EngineServer]:
    """Serve the workflow `echo` on loopback."""
    with EngineServer(project="demo", location="here") as server:
        server.deploy("echo", ECHO, {"COLOUR": "green"})
        yield server
