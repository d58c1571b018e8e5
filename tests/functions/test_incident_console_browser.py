"""Hostile logs, alerts, commits and prompts in a real browser: nothing of them runs, loads or shows as markup."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import flask
import pytest
from werkzeug.serving import make_server

from functions.incident_console.main import incident_console
from tests.browser import Browser, needs_chromium
from tests.builders import an_alert
from tests.functions.console_visits import SCRIPT, worked_on

pytestmark = needs_chromium


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The console with an incident whose alert, log lines and commits hold markup that calls `alert`."""
    app = flask.Flask(__name__, static_folder=None)
    app.add_url_rule("/", "root", lambda: incident_console(flask.request))
    app.add_url_rule("/<path:_>", "page", lambda _: incident_console(flask.request))
    with worked_on(tmp_path, monkeypatch), contextlib.ExitStack() as ends:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        ends.callback(server.server_close)
        ends.callback(thread.join)
        ends.callback(server.shutdown)
        yield f"http://127.0.0.1:{server.server_port}"


def test_hostile_content_is_harmless(address: str, tmp_path: Path) -> None:
    """With everything opened, prompts, lines around evidence and the brief too."""
    with Browser(tmp_path / "browser") as browser:
        browser.open(f"{address}/incidents/{an_alert().incident_id}")
        browser.value("window.alert = () => { window.wasCalled = true }")
        browser.value("document.querySelectorAll('details').forEach(each => { each.open = true })")
        browser.wait("document.querySelectorAll('details[id*=-turn-] pre').length > 3")
        browser.wait("document.querySelector('.logline')")
        browser.wait("!document.querySelector('.htmx-request')")
        browser.value("document.querySelector('#brief').scrollIntoView()")
        browser.wait("performance.getEntriesByType('resource').some(each => each.name.endsWith('/brief'))")

        text = browser.value("document.body.innerText")
        assert SCRIPT in text
        assert browser.value("window.wasCalled") is None
        # The chart's own library places its parts by styles.
        foreign = "main img, main script, main [onerror], main [style]:not(.chart *)"
        assert browser.value(f"document.querySelectorAll('{foreign}').length") == 0
        loaded = browser.value("performance.getEntriesByType('resource').map(each => new URL(each.name).origin)")
        assert set(loaded) == {address}
        assert browser.complaints == []
        browser.open(f"{address}/incidents/{an_alert().incident_id}/brief")
        assert browser.value("document.querySelectorAll('script').length") == 0
        assert [each for each in browser.complaints if "cid:" not in each and "favicon" not in each] == []
