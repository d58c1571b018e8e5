"""A headless Chromium that lays a page out as a mail program does, driven by its own protocol over loopback."""

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_S = 60
# The sandbox needs rights that a container rarely has; the pages are our own.
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--remote-debugging-port=0",
)


def installed() -> str | None:
    """Return the path of a Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page of a running Chromium."""

    def __init__(self, connection: ClientConnection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._ids = itertools.count(1)

    def show(self, html: str, width: int, height: int, *, is_dark: bool) -> None:
        """Lay a page out on a screen of this size, with light or dark preferred, until its images are loaded."""
        file = self._folder / "page.html"
        file.write_text(html, encoding="utf-8")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Page.navigate", url=file.as_uri())
        loaded = "document.readyState === 'complete' && [...document.images].every(image => image.complete)"
        until = time.monotonic() + START_S
        while not self.value(loaded):
            assert time.monotonic() < until, "the page does not load"

    def value(self, expression: str) -> Any:
        """Return the value of an expression in the page, as JSON."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def screenshot(self) -> bytes:
        """Return the whole page as a PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._connection.recv(START_S))
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Run a Chromium with its files in a folder."""
    path = installed()
    assert path is not None, "no Chromium is installed"
    command = [path, *ARGUMENTS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with connect(_page(folder / "profile" / "DevToolsActivePort"), max_size=2**27) as connection:
                yield Browser(connection, folder)
        finally:
            process.kill()


def _page(port_file: Path) -> str:
    """Return the address of the first page, once Chromium has written its port."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        lines = port_file.read_text().split() if port_file.exists() else []
        if len(lines) == 2:
            with urlopen(f"http://127.0.0.1:{lines[0]}/json/list", timeout=START_S) as reply:
                pages = [one["webSocketDebuggerUrl"] for one in json.load(reply) if one["type"] == "page"]
            if pages:
                return str(pages[0])
        time.sleep(0.05)
    raise AssertionError("Chromium does not start")
