"""Sandboxes say what they are, so that a real Loki is never read beside a fictional repository."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.doctor.check import Check
from infra.doctor.online.run import MIX, check_network
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox


@pytest.fixture
def real_url() -> Iterator[str]:
    """A server that is no sandbox of ours, on loopback as a forwarded port is."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def mixed(**values: str) -> list[Check]:
    """Return the check of these addresses."""
    return check_network(values, MIX)


def test_real_loki_beside_a_sandbox_is_refused(real_url: str) -> None:
    """It names both."""
    with PrometheusSandbox() as prometheus:
        (check,) = mixed(GRAFANA_HOST=real_url, PROMETHEUS_HOST=prometheus.url)

    assert (check.state, "PROMETHEUS_HOST lead to a sandbox, and GRAFANA_HOST to a real" in check.what) == (
        "wrong",
        True,
    )


def test_sandbox_beside_a_repository_of_github_is_refused() -> None:
    """A repository without an address of its own is on github.com."""
    with LokiSandbox([]) as loki:
        (check,) = mixed(GRAFANA_HOST=loki.url, GITHUB_REPO="acme/shop")

    assert check.state == "wrong"


def test_one_kind_is_fine(real_url: str) -> None:
    """Forwarded ports are real, and sandboxes may be used together."""
    with LokiSandbox([]) as loki, PrometheusSandbox() as prometheus:
        assert mixed(GRAFANA_HOST=loki.url, PROMETHEUS_HOST=prometheus.url) == []
    assert mixed(GRAFANA_HOST=real_url, PROMETHEUS_HOST=real_url, GITHUB_REPO="acme/shop") == []
