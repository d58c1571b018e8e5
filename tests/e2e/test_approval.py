"""A pull request that waits for a person, on the whole system: brief first, opened after, followed to its end."""

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


class System:
    """The stack with what a person sees of it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.incident_id = demo.post_alert(stack, stack.built.alert)
        self._traces = EmbeddedTraces(EmbeddedSettings(traces_path=trace_access.file_of(stack.folder)))

    def mails(self) -> list[EmailMessage]:
        """Return the mails Gmail took, from the brief on."""
        policy = email.policy.default
        files = sorted((self.stack.folder / "mail").glob("*.eml"))
        mails = [email.message_from_bytes(file.read_bytes(), policy=policy) for file in files]
        return [mail for mail in mails if ".early@" not in mail["Message-ID"]]

    def text(self, number: int) -> str:
        """Return the text of a mail, waited for."""
        wait(lambda: len(self.mails()) > number)
        body = self.mails()[number].get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def pulls(self) -> list[dict[str, Any]]:
        """Return what GitHub keeps of pull requests."""
        files = list(self.stack.folder.glob("scenario/**/pulls.json"))
        pulls: list[dict[str, Any]] = json.loads(files[0].read_text())["pulls"] if files else []
        return pulls

    def state(self) -> str:
        """Return what the incident knows of its pull request."""
        record = self._traces.incident(self.incident_id)
        return record.pull_request.state if record and record.pull_request else ""

    def is_over(self) -> bool:
        """Return whether the execution has ended."""
        execution = EngineClient(self.stack.services["engine"].url, demo.WORKFLOW).execution(self.incident_id)
        return execution is not None and execution.is_over

    def on_github(self, method: str, path: str, body: dict[str, Any]) -> None:
        """Do what a person does on the site."""
        url = f"{self.stack.services['github'].url}/repos/{self.stack.built.github_repo}/{path}"
        headers = {"Authorization": f"Bearer {self.stack._token}"}
        requests.request(method, url, json=body, headers=headers, timeout=10).raise_for_status()


def wait(is_so: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.1)


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """The whole system in PR_MODE=approval, with one alert posted."""
    built = build(demo.SCENARIO, tmp_path / "scenario", clock.now())
    with Stack(tmp_path, built, Options(settings={"PR_MODE": "approval"})) as stack:
        yield System(stack)


def test_approved_pull_request_is_opened_and_followed_to_its_end(system: System) -> None:
    """Brief with a link and a code; nothing on GitHub; the form; one draft; a mail; its end comes by the webhook."""
    link = re.search(r"http://\S+incident=\S+", system.text(0))
    code = re.search(r"Its code: (\S+)", system.text(0))
    assert link is not None
    assert code is not None
    opens = {"incident": system.incident_id, "code": code[1]}
    assert (system.pulls(), system.state(), system.is_over()) == ([], "awaiting_approval", False)

    # The brief is mailed a moment before the execution waits for the answer; until then the page holds no form.
    wait(lambda: 'name="confirm"' in requests.post(link[0], data=opens, timeout=10).text)
    page = requests.post(link[0], data=opens, timeout=10)
    confirm = re.search(r'name="confirm" value="([^"]+)"', page.text)
    assert confirm is not None
    form = {"confirm": html.unescape(confirm[1]), "decision": "approve", "by": "Ada Lovelace"}
    assert requests.post(link[0], data=form, timeout=20).status_code == 200

    assert "It was approved and is open: http" in system.text(1)
    (pull,) = system.pulls()
    assert (pull["state"], pull["draft"]) == ("open", True)
    wait(system.is_over)

    system.on_github("PATCH", "pulls/1", {"state": "closed"})
    wait(lambda: system.state() == "closed")
    assert requests.post(link[0], data=form, timeout=20).status_code == 200
    assert len(system.pulls()) == 1
