"""Visits of the console, as a browser makes them, and an incident that the whole pipeline has worked on."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import flask
import pytest

from functions.incident_console.main import incident_console
from infra.local.sandboxes.gemini.scripts import agreeable
from shared.contracts import Alert
from tests.builders import an_alert
from tests.hostile.world import ONSET, SOURCE, TRACE, world

KEY = "console-key-of-the-tests-0123456789abcdef"
LAPTOP = {"REMOTE_ADDR": "127.0.0.1"}
CLOUD = {"REMOTE_ADDR": "169.254.1.1"}
HOST = "console.example.com"
SCRIPT = '<script>alert("1")</script><img src=x onerror=alert(2)>'
SECRET = "sk_live_" + "Qw7Er9Ty2Ui5Op1As8Df"
HISTORY: list[dict[str, str | None]] = [
    {"shop/pricing.py": SOURCE.replace("len(parts)", "max(len(parts), 1)")},
    {"shop/pricing.py": SOURCE},
]


def visit(
    path: str,
    form: dict[str, str] | None = None,
    *,
    host: str = "127.0.0.1:8080",
    headers: dict[str, str] | None = None,
    cookies: dict[str, str] | None = None,
    method: str = "",
    environ: dict[str, str] | None = None,
) -> flask.Response:
    """Open a page, or send a form, from this machine unless another `environ` and `host` say otherwise."""
    sent = dict(headers or {})
    if cookies:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    verb = method or ("GET" if form is None else "POST")
    app = flask.Flask(__name__)
    with app.test_request_context(
        path, base_url=f"http://{host}", data=form, method=verb, headers=sent, environ_overrides=environ or LAPTOP
    ):
        response = incident_console(flask.request)
    assert isinstance(response, flask.Response)
    return response


def text_of(path: str, **more: object) -> str:
    """Return the page at a path, which must be there."""
    response = visit(path, **more)  # type: ignore[arg-type]
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


def cookies_of(response: flask.Response) -> dict[str, str]:
    """Return the cookies that a response sets."""
    pairs = [header.partition(";")[0].partition("=") for header in response.headers.getlist("Set-Cookie")]
    return {name: value for name, _, value in pairs if value}


def field_of(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    match = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert match is not None
    return match[1]


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


@contextlib.contextmanager
def worked_on(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Alert]:
    """
    Yield the alert of an incident that every step has worked on, with a model; its trace is in the store.

    Alert, log lines and commit hold markup and a secret.
    """
    alert = an_alert(
        github_repo=None,
        started_at=ONSET,
        alert_name=f"Basket {SCRIPT}",
        summary=f"Baskets fail {SCRIPT}",
        labels={"service_name": "checkout-api", "note": SCRIPT},
        generator_url="javascript:alert(3)",
        silence_url="https://evil.example/silence",
        dashboard_url="https://grafana.example.com/d/shop",
    )
    settings = {"GRAFANA_URL": "https://grafana.example.com"}
    with world(
        folder,
        patch,
        commits=HISTORY,
        message=f"Share {SCRIPT}",
        script=agreeable,
        metrics="failing",
        settings=settings,
    ) as target:
        target.alert = alert
        target.log(f"ERROR basket failed {SCRIPT} key={SECRET}\n{TRACE}", "WARN \u202eslow basket {n}", times=12)
        target.run()
        yield alert


def copied_traces(source: Path, folder: Path) -> Path:
    """Return a copy of a file of traces, which may be open, so that a test may write to it."""
    copy = folder / "copy.sqlite3"
    with contextlib.closing(sqlite3.connect(source)) as original, contextlib.closing(sqlite3.connect(copy)) as target:
        original.backup(target)
    return copy
