"""A pull request that waits for a person, on the whole house: told first, opened after, followed to its end."""

import email
import html
import json
import re
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.cli import demo, trace_access
from infra.local.engine.client import EngineClient
from infra.local.scenarios.build import build
from infra.local.stack.stack import Options, Stack
from shared import clock
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces

DEADLINE_S = 60.0


class House:
    """The stack with what a person sees of it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.incident_id = demo.post_alert(stack, stack.built.alert)
        self._traces = EmbeddedTraces(EmbeddedSettings(traces_path=trace_access.file_of(stack.folder)))

    def mails(self) -> list[EmailMessage]:
        """Return the mails Gmail took."""
        policy = email.policy.default
        files = sorted((self.stack.folder / "mail").glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes(), policy=policy) for file in files]

    def text(self, number: int) -> str:
        """Return the text of a mail, waited for."""
        wait(lambda: len(self.mails()) > number)
        body = self.mails()[number].get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def pulls(self) -> list[dict[str, Any]]:
        """Return what GitHub keeps of pull requests."""
        files = list(self.stack.folder.glob("scenario/**/pulls.json"))
        found: list[dict[str, Any]] = json.loads(files[0].read_text())["pulls"] if files else []
        return found

    def state(self) -> str:
        """Return what the incident knows of its pull request."""
        record = self._traces.incident(self.incident_id)
        return str((record.pull_request or {}).get("state")) if record else ""

    def is_over(self) -> bool:
        """Tell whether the execution has ended."""
        execution = EngineClient(self.stack.services["engine"].url, demo.WORKFLOW).execution(self.incident_id)
        return execution is not None and execution.is_over

    def on_github(self, method: str, path: str, body: dict[str, Any]) -> None:
        """Do what a person does on the site."""
        url = f"{self.stack.services['github'].url}/repos/{self.stack.built.github_repo}/{path}"
        headers = {"Authorization": f"Bearer {self.stack._token}"}
        requests.request(method, url, json=body, headers=headers, timeout=10).raise_for_status()


def wait(is_so: Callable[[], bool]) -> None:
    """Look again until it is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """The whole house in PR_MODE=approval, with one alert posted."""
    built = build(demo.SCENARIO, tmp_path / "scenario", clock.now())
    with Stack(tmp_path, built, Options(settings={"PR_MODE": "approval"})) as stack:
        yield House(stack)


def test_approved_pull_request_is_opened_and_followed_to_its_end(house: House) -> None:
    """Brief with a link; nothing on GitHub; the form; one draft; a mail; its end comes back by the webhook."""
    found = re.search(r"http://\S+token=\S+", house.text(0))
    assert found is not None
    assert (house.pulls(), house.state(), house.is_over()) == ([], "awaiting_approval", False)

    page = requests.get(found[0], timeout=10)
    confirm = re.search(r'name="confirm" value="([^"]+)"', page.text)
    assert confirm is not None
    form = {"confirm": html.unescape(confirm[1]), "decision": "approve"}
    assert requests.post(found[0], data=form, timeout=20).status_code == 200

    assert "It was approved and is open: http" in house.text(1)
    (pull,) = house.pulls()
    assert (pull["state"], pull["draft"]) == ("open", True)
    wait(house.is_over)

    house.on_github("PATCH", "pulls/1", {"state": "closed"})
    wait(lambda: house.state() == "closed")
    assert requests.post(found[0], data=form, timeout=20).status_code == 200
    assert len(house.pulls()) == 1
