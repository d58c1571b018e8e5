"""
The engine as a server on loopback: REST on one port, gRPC on another, everything in memory.

    python -m infra.local.engine.server --workflow incident=workflows/incident.workflows.yaml --env NAME=VALUE …
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from infra.local.engine.api.deployments import Deployment, DeploymentSettings
from infra.local.engine.api.errors import ApiError
from infra.local.engine.api.grpc_server import GrpcServer
from infra.local.engine.api.rest import RestServer
from infra.local.engine.api.service import StepListener, WorkflowsService, no_listener

HOST = "127.0.0.1"
_log = logging.getLogger(__name__)


class EngineServer:
    """
    A REST and a gRPC server over one service; port 0 picks a free port.

    `time_scale` multiplies sleeps and waits before retries; `listener` is called at every step's start and end.
    Raises OSError when a port is in use.
    """

    def __init__(
        self,
        *,
        project: str = "local",
        location: str = "us-central1",
        http_port: int = 0,
        grpc_port: int = 0,
        time_scale: float = 1.0,
        listener: StepListener = no_listener,
    ) -> None:
        self.service = WorkflowsService(time_scale=time_scale, listener=listener)
        self._parent = f"projects/{project}/locations/{location}"
        self._rest = RestServer(self.service, HOST, http_port)
        self.service.base_url = self.http_url
        try:
            self._grpc = GrpcServer(self.service, HOST, grpc_port)
        except OSError:
            self._rest.server_close()
            raise
        # The poll interval bounds how long stopping takes, in seconds.
        self._thread = threading.Thread(target=self._rest.serve_forever, args=(0.02,), daemon=True)

    @property
    def http_url(self) -> str:
        """The URL of the REST server."""
        return f"http://{HOST}:{self._rest.server_port}"

    @property
    def grpc_address(self) -> str:
        """The address of the gRPC server, `host:port`, without TLS."""
        return f"{HOST}:{self._grpc.port}"

    def name(self, workflow: str) -> str:
        """Return the full name of a workflow deployed here."""
        return f"{self._parent}/workflows/{workflow}"

    def deploy(self, workflow: str, source: str, environment: Mapping[str, str] | None = None) -> Deployment:
        """Deploy a workflow without an API request; raises InvalidArgument, AlreadyExists."""
        return self.service.deployments.create(
            self.name(workflow), source, DeploymentSettings(environment=environment or {})
        )

    def start(self) -> None:
        """Start serving."""
        self._grpc.start()
        self._thread.start()

    def stop(self) -> None:
        """Cancel running executions, stop serving and release the ports."""
        self.service.stop()
        self._grpc.stop()
        self._rest.shutdown()
        self._rest.server_close()

    def __enter__(self) -> EngineServer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run Cloud Workflows YAML on this machine.")
    parser.add_argument(
        "--workflow", action="append", default=[], metavar="NAME=FILE", help="deploy this workflow at start"
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="NAME=VALUE", help="an environment variable of every workflow"
    )
    parser.add_argument("--http-port", type=int, default=0, help="port of REST, 0 picks a free one")
    parser.add_argument("--grpc-port", type=int, default=0, help="port of gRPC, 0 picks a free one")
    parser.add_argument("--project", default="local")
    parser.add_argument("--location", default="us-central1")
    parser.add_argument("--time-scale", type=float, default=1.0, help="multiplies sleeps and waits before retries")
    options = parser.parse_args()
    for pair in [*options.workflow, *options.env]:
        if "=" not in pair:
            parser.error(f"{pair!r} must be NAME=VALUE")
    return options


def _deploy(server: EngineServer, options: argparse.Namespace) -> None:
    environment = dict(pair.split("=", 1) for pair in options.env)
    for name, file in (pair.split("=", 1) for pair in options.workflow):
        try:
            server.deploy(name, Path(file).read_text(encoding="utf-8"), environment)
        except ApiError as error:
            raise SystemExit(f"{file}: {error}") from error
        except OSError as error:
            raise SystemExit(f"{file} cannot be read: {error}") from error


def main() -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output is JSON with the addresses."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    options = _arguments()
    server = EngineServer(
        project=options.project,
        location=options.location,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        time_scale=options.time_scale,
    )
    _deploy(server, options)
    stop_requested = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop_requested.set())
    with server:
        print(json.dumps({"http": server.http_url, "grpc": server.grpc_address}), flush=True)
        _log.info("Everything is in memory: deployments and executions are lost when this process ends.")
        # A signal that comes just before the wait begins would not end it.
        while not stop_requested.wait(0.5):
            pass


if __name__ == "__main__":
    main()
