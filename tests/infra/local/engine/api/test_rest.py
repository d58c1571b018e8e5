"""The REST API, over real HTTP."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from infra.local.engine.server import EngineServer

PARENT = "projects/demo/locations/here"


class Client:
    """Calls one engine, by resource names."""

    def __init__(self, url: str) -> None:
        self._url = url

    def call(self, method: str, name: str, body: object = None, **query: Any) -> Any:
        """Return the decoded answer; raises requests.HTTPError."""
        response = requests.request(method, f"{self._url}/v1/{name}", json=body, params=query, timeout=10)
        response.raise_for_status()
        return response.json()

    def status(self, method: str, name: str, body: object = None, **query: Any) -> tuple[int, str]:
        """Return code and status of an error response."""
        response = requests.request(method, f"{self._url}/v1/{name}", json=body, params=query, timeout=10)
        return response.status_code, response.json()["error"]["status"]

    def start(self, argument: object = None, workflow: str = "echo", **fields: object) -> str:
        """Start an execution and return its name."""
        body = {"argument": json.dumps(argument), **fields}
        return str(self.call("POST", f"{PARENT}/workflows/{workflow}/executions", body)["name"])

    def until(self, name: str, is_true: Callable[[Any], bool]) -> Any:
        """Poll a resource until the condition holds; fails after ten seconds."""
        deadline = time.monotonic() + 10
        while not is_true(resource := self.call("GET", name)):
            assert time.monotonic() < deadline, resource
        return resource

    def end_of(self, name: str) -> Any:
        """Return an execution once it has ended."""
        return self.until(name, lambda execution: execution["state"] != "ACTIVE")


@pytest.fixture
def client(engine: EngineServer) -> Client:
    """Connect to the engine of this test."""
    return Client(engine.http_url)


def test_execution_succeeds_with_its_result_as_json(client: Client) -> None:
    """The resource has the shape of the executions API."""
    ended = client.end_of(client.start({"a": [1, "é"]}, labels={"team": "red"}, callLogLevel="LOG_ERRORS_ONLY"))

    assert ended["state"] == "SUCCEEDED"
    assert json.loads(ended["result"]) == {"a": [1, "é"]}
    assert (ended["labels"], ended["callLogLevel"]) == ({"team": "red"}, "LOG_ERRORS_ONLY")
    assert ended["startTime"] <= ended["endTime"]
    assert ended["duration"].endswith("s")


def test_failed_execution_has_payload_context_and_trace(client: Client) -> None:
    """Uncaught errors are JSON text in `payload`."""
    error = client.end_of(client.start({"fails": True}))["error"]

    assert json.loads(error["payload"]) == {"code": 7, "message": "failed"}
    assert error["context"].startswith('failed\nin step "check", routine "main", line: ')
    assert error["stackTrace"]["elements"][0]["step"] == "check"


def test_executions_see_their_environment(client: Client, engine: EngineServer) -> None:
    """Built-in variables and those of the deployment are set."""
    names = ["COLOUR", "GOOGLE_CLOUD_PROJECT_ID", "GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_WORKFLOW_ID"]
    names += ["GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID"]
    values = [f'${{sys.get_env("{name}")}}' for name in names]
    engine.deploy("env", json.dumps([{"r": {"return": values}}]), {"COLOUR": "blue"})

    name = client.start(workflow="env")

    assert json.loads(client.end_of(name)["result"]) == ["blue", "demo", "here", "env", name.rpartition("/")[2]]


def test_bytes_cannot_be_returned(client: Client, engine: EngineServer) -> None:
    """Bytes have no JSON form: the execution fails."""
    engine.deploy("bytes", "- r: {return: '${text.encode(\"a\")}'}")

    assert "TypeError" in client.end_of(client.start(workflow="bytes"))["error"]["payload"]


def test_executions_are_listed_newest_first_in_pages(client: Client) -> None:
    """Each page starts after the previous one."""
    names = [client.start(number) for number in range(5)]

    listed: list[str] = []
    token = ""
    while True:
        page = client.call("GET", f"{PARENT}/workflows/echo/executions", pageSize=2, pageToken=token)
        listed += [execution["name"] for execution in page["executions"]]
        token = page["nextPageToken"]
        if not token:
            break

    assert listed == names[::-1]


def test_executions_are_filtered_by_state_label_and_time(client: Client) -> None:
    """The BASIC view omits labels."""
    red = client.start(1, labels={"team": "red"})
    blue = client.start({"fails": True}, labels={"team": "blue"})
    client.end_of(red)
    client.end_of(blue)
    path = f"{PARENT}/workflows/echo/executions"

    def list_matching(text: str, view: str = "BASIC") -> list[Any]:
        return list(client.call("GET", path, filter=text, view=view)["executions"])

    assert [item["name"] for item in list_matching('labels.team="red"')] == [red]
    assert [item["name"] for item in list_matching('state="FAILED"')] == [blue]
    assert list_matching('state="FAILED" AND labels.team="red"') == []
    assert len(list_matching('startTime>"2020-01-01T00:00:00Z"')) == 2
    assert list_matching('endTime<"2020-01-01T00:00:00Z"') == []
    assert "labels" not in list_matching('labels.team="red"')[0]
    assert list_matching('labels.team="red"', "FULL")[0]["labels"] == {"team": "red"}


def test_cancelled_execution_does_not_wait_for_its_sleep(client: Client) -> None:
    """Cancellation interrupts a sleep; cancelling again fails."""
    name = client.start({"wait_s": 100})
    client.until(name, lambda execution: execution["status"]["currentSteps"])
    started = time.monotonic()

    cancelled = client.call("POST", f"{name}:cancel")

    assert cancelled["state"] == "CANCELLED"
    assert time.monotonic() - started < 50
    assert client.status("POST", f"{name}:cancel") == (400, "FAILED_PRECONDITION")


def test_cancelled_request_does_not_wait_for_its_response(client: Client, engine: EngineServer, upstream: Any) -> None:
    """Cancellation interrupts an HTTP call without a response."""
    upstream.hold.clear()
    engine.deploy("ask", json.dumps([{"c": {"call": "http.get", "args": {"url": upstream.url}}}]))
    name = client.start(workflow="ask")
    client.until(name, lambda _: upstream.requests)
    started = time.monotonic()

    assert client.call("POST", f"{name}:cancel")["state"] == "CANCELLED"
    assert time.monotonic() - started < 50


def test_callback_wakes_the_step_that_waits_for_it(client: Client, engine: EngineServer) -> None:
    """Method, query, headers and body arrive."""
    source = """
        - make: {call: events.create_callback_endpoint, args: {http_callback_method: PUT}, result: endpoint}
        - wait: {call: events.await_callback, args: {callback: "${endpoint}", timeout: 10}, result: got}
        - give: {return: "${got}"}
        """
    engine.deploy("callback", source)
    name = client.start(workflow="callback")
    listed = client.until(f"{name}/callbacks", lambda resource: resource["callbacks"])["callbacks"]
    url = f"{engine.http_url}/v1/{listed[0]['name']}"

    assert listed[0]["method"] == "PUT"
    assert requests.post(url, timeout=5).status_code == 400
    assert requests.put(f"{url}?q=1", json={"ok": True}, headers={"X-Who": "me"}, timeout=5).status_code == 200

    got = json.loads(client.end_of(name)["result"])
    request = got["http_request"]
    assert (got["type"], request["method"], request["query"], request["body"]) == (
        "HTTP",
        "PUT",
        {"q": "1"},
        {"ok": True},
    )
    assert request["headers"]["X-Who"] == "me"
    assert requests.put(url, timeout=5).status_code == 404


def test_missing_callback_is_a_timeout(client: Client, engine: EngineServer) -> None:
    """The execution fails with TimeoutError after the wait."""
    source = """
        - make: {call: events.create_callback_endpoint, result: endpoint}
        - wait: {call: events.await_callback, args: {callback: "${endpoint}", timeout: 0.05}}
        """
    engine.deploy("late", source)

    assert "TimeoutError" in client.end_of(client.start(workflow="late"))["error"]["payload"]


def test_step_entries_are_listed_in_pages(client: Client) -> None:
    """Oldest first; each can also be read alone."""
    name = client.start(1)
    client.end_of(name)

    first = client.call("GET", f"{name}/stepEntries", pageSize=2)
    rest = client.call("GET", f"{name}/stepEntries", pageToken=first["nextPageToken"])

    entries = first["stepEntries"] + rest["stepEntries"]
    assert [entry["step"] for entry in entries] == ["wait", "check", "give"]
    assert {entry["state"] for entry in entries} == {"STATE_SUCCEEDED"}
    assert (first["totalSize"], rest["nextPageToken"]) == (3, "")
    assert client.call("GET", entries[1]["name"]) == entries[1]
    assert client.status("GET", f"{name}/stepEntries/99") == (404, "NOT_FOUND")


def test_workflow_can_run_another_workflow(client: Client, engine: EngineServer) -> None:
    """Results have the order of the arguments; failures are raised."""
    call = {"call": "experimental.executions.map", "args": {"workflow_id": "echo", "arguments": [1, 2]}, "result": "r"}
    engine.deploy("each", json.dumps([{"c": call}, {"r": {"return": "${r}"}}]))
    fail = {"call": "experimental.executions.run", "args": {"workflow_id": "echo", "argument": {"fails": True}}}
    engine.deploy("fail", json.dumps([{"c": fail}]))

    assert json.loads(client.end_of(client.start(workflow="each"))["result"]) == [1, 2]
    assert json.loads(client.end_of(client.start(workflow="fail"))["error"]["payload"])["code"] == 7


def test_fifty_executions_at_once_are_separate(client: Client) -> None:
    """Each returns its own argument."""
    names: dict[int, str] = {}

    def start(number: int) -> None:
        names[number] = client.start({"number": number, "wait_s": 0.1})

    threads = [threading.Thread(target=start, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    results = {number: json.loads(client.end_of(name)["result"])["number"] for number, name in names.items()}
    assert results == {number: number for number in range(50)}


def test_workflow_is_deployed_updated_and_deleted(client: Client) -> None:
    """Operations are done at once, in the form gcloud expects."""
    name = f"{PARENT}/workflows/new"
    body = {"sourceContents": "- r: {return: 1}", "labels": {"a": "b"}, "userEnvVars": {"K": "V"}}

    created = client.call("POST", f"{PARENT}/workflows", body, workflowId="new")
    updated = client.call("PATCH", name, {"sourceContents": "- r: {return: 2}"}, updateMask="sourceContents")

    assert (created["done"], created["response"]["name"]) == (True, name)
    assert client.call("GET", created["name"])["done"] is True
    workflow = client.call("GET", name)
    assert (workflow["sourceContents"], workflow["userEnvVars"], workflow["labels"]) == (
        "- r: {return: 2}",
        {"K": "V"},
        {"a": "b"},
    )
    assert workflow["revisionId"] == updated["response"]["revisionId"] != created["response"]["revisionId"]
    assert client.end_of(client.start(workflow="new"))["result"] == "2"
    listed = client.call("GET", f"{PARENT}/workflows")["workflows"]
    assert [item["name"].rpartition("/")[2] for item in listed] == ["echo", "new"]
    assert client.call("DELETE", name)["done"] is True
    assert client.status("GET", name) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "name", "body", "expected"),
    [
        ("GET", f"{PARENT}/workflows/missing", None, (404, "NOT_FOUND")),
        ("GET", f"{PARENT}/workflows/echo/executions/missing", None, (404, "NOT_FOUND")),
        ("GET", "nothing/here", None, (404, "NOT_FOUND")),
        ("POST", f"{PARENT}/workflows/missing/executions", {}, (404, "NOT_FOUND")),
        ("POST", f"{PARENT}/workflows/echo/executions", {"argument": "{"}, (400, "INVALID_ARGUMENT")),
        ("POST", f"{PARENT}/workflows/echo/executions", {"argument": {"a": 1}}, (400, "INVALID_ARGUMENT")),
        ("POST", f"{PARENT}/workflows/echo/executions", [], (400, "INVALID_ARGUMENT")),
        ("POST", f"{PARENT}/workflows/echo/executions", {"argument": f'"{"x" * 32768}"'}, (400, "INVALID_ARGUMENT")),
        ("GET", f"{PARENT}/workflows/echo/executions?filter=nonsense", None, (400, "INVALID_ARGUMENT")),
        ("GET", f"{PARENT}/workflows/echo/executions?pageToken=x", None, (400, "INVALID_ARGUMENT")),
        ("GET", f"{PARENT}/workflows/echo/executions?orderBy=name", None, (400, "INVALID_ARGUMENT")),
        (
            "POST",
            f"{PARENT}/workflows?workflowId=echo",
            {"sourceContents": "- a: {return: 1}"},
            (409, "ALREADY_EXISTS"),
        ),
        ("POST", f"{PARENT}/workflows?workflowId=new", {"sourceContents": "- a: {}"}, (400, "INVALID_ARGUMENT")),
        ("POST", f"{PARENT}/workflows?workflowId=9", {"sourceContents": "- a: {return: 1}"}, (400, "INVALID_ARGUMENT")),
        (
            "PATCH",
            f"{PARENT}/workflows/echo",
            {"userEnvVars": {"GOOGLE_X": "1"}},
            (400, "INVALID_ARGUMENT"),
        ),
    ],
)
def test_invalid_request_gets_googles_code_and_status(
    client: Client, method: str, name: str, body: object, expected: tuple[int, str]
) -> None:
    """Code and status are those of Google's API."""
    assert client.status(method, name, body) == expected
