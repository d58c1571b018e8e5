"""The tools of the reference's agents: each does real HTTP, to the same services as the system beside it."""

import base64
import json
import os
import time
from email.message import EmailMessage
from typing import Any

import requests

TIMEOUT_S = 30
MAX_LINES = 5_000
"""Of one answer of Loki; older lines are read with further requests."""


def fetch_telemetry(service_name: str, lookup_window_seconds: int) -> dict[str, Any]:
    """Return every log line of a service in the window before now, newest first."""
    end = time.time_ns()
    start = end - lookup_window_seconds * 1_000_000_000
    lines: list[tuple[int, str]] = []
    while True:
        query: dict[str, str | int] = {
            "query": f'{{service_name="{service_name}"}}',
            "start": start,
            "end": end,
            "limit": MAX_LINES,
        }
        reply = requests.get(f"{os.environ['GRAFANA_HOST']}/loki/api/v1/query_range", query, timeout=TIMEOUT_S)
        reply.raise_for_status()
        streams = reply.json()["data"]["result"]
        page = sorted(((int(ns), text) for stream in streams for ns, text in stream["values"]), reverse=True)
        lines += page
        if len(page) < MAX_LINES:
            return {"lines": [text for _, text in lines]}
        end = page[-1][0]


def search_code(words: str) -> dict[str, Any]:
    """Return the paths of the files of the repository that hold these words."""
    hits = _github("GET", "/search/code", params={"q": f"{words} repo:{os.environ['GITHUB_REPO']}"})
    return {"paths": [item["path"] for item in hits["items"]]}


def get_file_contents(path: str) -> dict[str, Any]:
    """Return the content of a file on the base branch."""
    body = _github("GET", f"{_repository()}/contents/{path}")
    return {"path": path, "content": base64.b64decode(body["content"]).decode()}


def create_branch(branch: str) -> dict[str, Any]:
    """Create a branch at the head of the base branch."""
    head = _github("GET", f"{_repository()}/git/ref/heads/{_base()}")["object"]["sha"]
    _github("POST", f"{_repository()}/git/refs", {"ref": f"refs/heads/{branch}", "sha": head})
    return {"branch": branch, "sha": head}


def update_file(branch: str, path: str, content: str, message: str) -> dict[str, Any]:
    """Commit a file with new content to a branch."""
    head = _github("GET", f"{_repository()}/git/ref/heads/{branch}")["object"]["sha"]
    tree = _github("GET", f"{_repository()}/git/commits/{head}")["tree"]["sha"]
    entry = {"path": path, "mode": "100644", "type": "blob", "content": content}
    fresh = _github("POST", f"{_repository()}/git/trees", {"base_tree": tree, "tree": [entry]})["sha"]
    commit = {"message": message, "tree": fresh, "parents": [head]}
    sha = _github("POST", f"{_repository()}/git/commits", commit)["sha"]
    _github("PATCH", f"{_repository()}/git/refs/heads/{branch}", {"sha": sha})
    return {"commit": sha}


def create_pull_request(branch: str, title: str, body: str) -> dict[str, Any]:
    """Open a pull request of a branch."""
    pull = _github("POST", f"{_repository()}/pulls", {"head": branch, "base": _base(), "title": title, "body": body})
    return {"number": pull["number"], "url": pull["html_url"]}


def publish_incident_report(subject: str, body: str) -> dict[str, Any]:
    """Mail the report to the engineers on call, and call the hook."""
    engineers = json.loads(os.environ["ON_CALL_ENGINEERS"])
    mail = EmailMessage()
    mail["To"], mail["From"], mail["Subject"] = ", ".join(engineers), os.environ["GMAIL_USER_EMAIL"], subject
    mail.set_content(body)
    raw = base64.urlsafe_b64encode(mail.as_bytes()).decode()
    url = f"{os.environ['GMAIL_API_URL']}/gmail/v1/users/me/messages/send"
    sent = requests.post(url, json={"raw": raw}, headers=_bearer(_gmail_token()), timeout=TIMEOUT_S)
    sent.raise_for_status()
    hook = requests.post(os.environ["POST_PROCESS_URL"], json={"subject": subject, "body": body}, timeout=TIMEOUT_S)
    hook.raise_for_status()
    return {"message_id": sent.json()["id"], "hook": "called"}


def _gmail_token() -> str:
    names = ("client_id", "client_secret", "refresh_token")
    form = {name: os.environ[f"GMAIL_{name.upper()}"] for name in names}
    reply = requests.post(
        os.environ["GMAIL_TOKEN_URL"], data={**form, "grant_type": "refresh_token"}, timeout=TIMEOUT_S
    )
    reply.raise_for_status()
    return str(reply.json()["access_token"])


def _github(method: str, path: str, body: dict[str, Any] | None = None, params: dict[str, str] | None = None) -> Any:
    url, headers = f"{os.environ['GITHUB_API_URL']}{path}", _bearer(os.environ["GITHUB_TOKEN"])
    reply = requests.request(method, url, json=body, params=params, headers=headers, timeout=TIMEOUT_S)
    reply.raise_for_status()
    return reply.json()


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _repository() -> str:
    return f"/repos/{os.environ['GITHUB_REPO']}"


def _base() -> str:
    return os.environ.get("GITHUB_BASE_BRANCH", "main")
