"""`make grafana GRAFANA=…`: a Grafana without files gets the contact point and the route, and keeps what it has."""

import json
from typing import Any

import pytest

from functions.alert_intake import request_auth
from infra.grafana import cloud
from infra.local.sandboxes.http import Reply, Request, Sandbox

URL = "https://alerts.example.com/webhook/trigger_agent"
OWN_ROUTE = {"receiver": "team", "object_matchers": [["team", "=", "shop"]]}


class Provisioning(Sandbox):
    """The provisioning API of a Grafana with a policy tree of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.points: dict[str, dict[str, Any]] = {}
        self.tree: dict[str, Any] = {
            "receiver": "grafana-default-email",
            "group_by": ["alertname"],
            "routes": [OWN_ROUTE],
        }

    def answer(self, request: Request) -> Reply:
        """Answer as Grafana does: 202 for what was changed."""
        if request.headers.get("Authorization") != "Bearer glsa_token":
            return Reply.of_json({"message": "Invalid API key"}, 401)
        match (request.method, request.path.removeprefix("/api/v1/provisioning/").split("/")):
            case ("GET", ["contact-points"]):
                return Reply.of_json(list(self.points.values()))
            case ("POST", ["contact-points"]) | ("PUT", ["contact-points", _]):
                self.points[request.json()["uid"]] = request.json()
                return Reply.of_json({"message": "ok"}, 202)
            case ("GET", ["policies"]):
                return Reply.of_json(self.tree)
            case ("PUT", ["policies"]):
                self.tree = request.json()
                return Reply.of_json({"message": "policies updated"}, 202)
        return Reply.of_json({"message": "Not found"}, 404)


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's variables; of a key that is being rotated Grafana gets the new one."""
    monkeypatch.setenv("GRAFANA_TOKEN", "glsa_token")
    monkeypatch.setenv("WEBHOOK_API_KEY", "a: new # key\nold")
    monkeypatch.setenv("WEBHOOK_HMAC_SECRET", "123456")


@pytest.mark.usefixtures("secrets")
def test_contact_point_is_made_with_its_secrets_in_secure_fields() -> None:
    """The key is the bearer token, the signature is checked as Grafana makes it, and people may edit what was made."""
    with Provisioning() as grafana:
        assert cloud.main(["--grafana", grafana.url, "--url", URL, "--signed"]) == 0

    (point,) = grafana.points.values()
    assert (point["name"], point["type"], point["settings"]["url"]) == ("incident-copilot", "webhook", URL)
    assert point["settings"]["authorization_credentials"] == "a: new # key"
    assert point["settings"]["hmacConfig"] == {
        "secret": "123456",
        "header": request_auth.SIGNATURE,
        "timestampHeader": request_auth.TIMESTAMP,
    }
    assert "headers" not in point["settings"]
    assert {request.headers["X-Disable-Provenance"] for request in grafana.requests} == {"true"}


@pytest.mark.usefixtures("secrets")
def test_route_is_added_before_the_policies_that_stand_there() -> None:
    """Alerts with our label come here and go on to the team's own routes; nothing else of the tree changes."""
    with Provisioning() as grafana:
        assert cloud.main(["--grafana", grafana.url, "--url", URL]) == 0

    ours, other = grafana.tree["routes"]
    assert (ours["receiver"], ours["continue"], other) == ("incident-copilot", True, OWN_ROUTE)
    assert ours["object_matchers"] == [["incident_copilot", "=", "true"]]
    assert grafana.tree["receiver"] == "grafana-default-email"


@pytest.mark.usefixtures("secrets")
def test_run_again_changes_the_key_and_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is how a key is rotated: the same command with the new value."""
    with Provisioning() as grafana:
        cloud.main(["--grafana", grafana.url, "--url", URL])
        tree = json.dumps(grafana.tree)
        monkeypatch.setenv("WEBHOOK_API_KEY", "newest")

        assert cloud.main(["--grafana", grafana.url, "--url", URL]) == 0

    (point,) = grafana.points.values()
    assert point["settings"]["authorization_credentials"] == "newest"
    assert json.dumps(grafana.tree) == tree


@pytest.mark.usefixtures("secrets")
def test_wrong_token_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither token nor key is printed."""
    monkeypatch.setenv("GRAFANA_TOKEN", "glsa_other")
    with Provisioning() as grafana:
        assert cloud.main(["--grafana", grafana.url, "--url", URL]) == 1

    printed = capsys.readouterr()
    assert "401: GRAFANA_TOKEN is not a token of this Grafana" in printed.err
    assert "glsa" not in printed.out + printed.err
    assert grafana.points == {}


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("root", ["http://grafana.example.com", "grafana.example.com"])
def test_secrets_are_sent_by_https_alone(root: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Another address is refused before anything is sent."""
    assert cloud.main(["--grafana", root, "--url", URL]) == 1
    assert "not an https URL" in capsys.readouterr().err
