"""Chromium without a window, driven over its DevTools protocol: what a test does in a page, a person can."""

import base64
import itertools
import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from websockets.sync.client import connect

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")
AXE = Path.home() / ".cache" / "incident-copilot" / "axe.min.js"
"""The file of the npm package axe-core; .github/CONTRIBUTING.md says how it comes here."""
TIMEOUT_S = 30.0
SIZES = {"phone": 390, "desktop": 1440}


class Browser:
    """One tab. Clicks and keys are the browser's own events, so what is covered or disabled takes none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.complaints: list[str] = []
        """Errors of scripts, and what the policy of a page stopped."""
        self._numbers = itertools.count(1)
        self._session = ""

    def __enter__(self) -> Self:
        assert PROGRAM is not None
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        profile = self.folder / "profile"
        command = [PROGRAM, *flags, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        with ExitStack() as ends:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            ends.callback(self._stop)
            self._socket = ends.enter_context(connect(self._address(profile / "DevToolsActivePort"), max_size=None))
            self._open_tab()
            self._ends = ends.pop_all()
        return self

    def _open_tab(self) -> None:
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self.size("desktop")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ends.close()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _address(self, port_file: Path) -> str:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            lines = port_file.read_text().split() if port_file.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(0.05)
        raise AssertionError("Chromium did not open its port")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        session = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters, **session}))
        while True:
            message = json.loads(self._socket.recv(TIMEOUT_S))
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(message["params"]["exceptionDetails"])[:500])
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.complaints.append(message["params"]["entry"]["text"])

    def size(self, name: str, scheme: str = "light", height: int = 900) -> None:
        """Have the width of a phone or of a desktop, with a light or a dark scheme."""
        width = SIZES[name]
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str) -> None:
        """Open a page and wait until it has loaded."""
        self._call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, script: str) -> Any:
        """Return what an expression is in the page; a promise is waited for."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str, timeout_s: float = TIMEOUT_S) -> Any:
        """Return what an expression is once that is true."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                # An element comes as an empty object.
                if (result := self.value(script)) or result == {}:
                    return result
            except AssertionError:
                # The page may be on its way to another one.
                pass
            time.sleep(0.1)
        raise AssertionError(f"never true at {self.value('location.href')}: {script}")

    def click(self, selector: str) -> None:
        """Click the middle of an element as the mouse does."""
        chosen = json.dumps(selector)
        self.value(f"document.querySelector({chosen}).scrollIntoView({{block: 'center', behavior: 'instant'}})")
        box = self.value(f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
                         f"(document.querySelector({chosen}).getBoundingClientRect())")  # fmt: skip
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def follow(self, selector: str) -> None:
        """Click what leads to another page, and wait until that one has loaded."""
        self.value("window.isBeforeTheClick = true")
        self.click(selector)
        self.wait("!window.isBeforeTheClick && document.readyState === 'complete'")

    def write(self, selector: str, text: str) -> None:
        """Type into a field in place of what it holds."""
        self.value(f"(field => {{field.focus(); field.select();}})(document.querySelector({json.dumps(selector)}))")
        self._call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key: Tab, Enter or Space."""
        code, text = {"Tab": (9, ""), "Enter": (13, "\r"), "Space": (32, " ")}[key]
        name = " " if key == "Space" else key
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=name, code=key, windowsVirtualKeyCode=code, text=text)

    def save_downloads(self, folder: Path) -> None:
        """Store what pages hand out."""
        self._call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self, path: Path) -> None:
        """Store what is seen as PNG."""
        data = self._call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def serious(self) -> list[str]:
        """Return what axe-core finds on the page that is serious or critical."""
        self.value(AXE.read_text(encoding="utf-8") + "; true")
        violations = self.value("axe.run().then(result => result.violations)")
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in violations
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
