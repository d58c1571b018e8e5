"""Set up by its API a Grafana that takes no files, as Grafana Cloud: the contact point and the route to it.

GRAFANA_TOKEN=… WEBHOOK_API_KEY=… python -m infra.grafana.cloud --grafana https://me.grafana.net [--url URL] [--signed]

The token is of a service account that may write to alerting (role Editor). Run again, it changes what it made before.
Policies that stand there stay: the route goes before them, and alerts go on to them. What is sent is read from the
files that are provisioned elsewhere. A secret that is in no variable is asked for, and becomes a secure field.
Source: https://grafana.com/docs/grafana/latest/developer-resources/api-reference/http-api/alerting_provisioning/
"""

import argparse
import getpass
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml

from infra.grafana.files import UNKNOWN_URL, deployed_url, filled
from shared.settings import lookup

TIMEOUT_S = 20
_API = "api/v1/provisioning"
_FIXES = {
    401: "GRAFANA_TOKEN is not a token of this Grafana",
    403: "the service account of GRAFANA_TOKEN needs the role Editor, or the permission to write to alerting",
    404: "nothing is there: name Grafana's root URL, of version 9.1 or later",
}


class SetupFailed(Exception):
    """Grafana did not do what was asked; the message says what and why."""


class GrafanaApi:
    """The provisioning API of one Grafana."""

    def __init__(self, root: str, token: str) -> None:
        parts = urlsplit(root)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise SetupFailed(f"{root!r} is not an https URL: the token and the key would be sent in the open")
        self._root = root.rstrip("/")
        # Without this header Grafana lets nobody edit in its pages what was made here.
        self._headers = {"Authorization": f"Bearer {token}", "X-Disable-Provenance": "true"}

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON of an answer. Raises SetupFailed."""
        url = f"{self._root}/{_API}/{path}"
        try:
            reply = requests.request(
                method, url, json=body, headers=self._headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException as error:
            raise SetupFailed(f"{method} {url}: no answer ({type(error).__name__})") from None
        if reply.status_code not in (200, 201, 202):
            reason = _FIXES.get(reply.status_code) or reply.text[:300]
            raise SetupFailed(f"{method} {url} answered {reply.status_code}: {reason}")
        return reply.json() if reply.content else None


def set_up(grafana: GrafanaApi, values: Mapping[str, str], *, is_signed: bool) -> list[str]:
    """Make or change the contact point, and add the route where there is none; return what was done."""
    documents = {name: yaml.safe_load(text) for name, text in filled({}, is_signed=is_signed).items()}
    (point,) = documents["contact_point.yaml"]["contactPoints"]
    (policy,) = documents["notification_policy.yaml"]["policies"]
    return [_set_contact_point(grafana, _with_values(point, values)), _set_route(grafana, policy["routes"][0])]


def _with_values(node: Any, values: Mapping[str, str]) -> Any:
    """Return parsed YAML with each `$NAME` replaced: a value in the text could change how YAML reads it."""
    match node:
        case dict():
            return {key: _with_values(value, values) for key, value in node.items()}
        case list():
            return [_with_values(value, values) for value in node]
        case str() if node.startswith("$"):
            return values[node.removeprefix("$")]
    return node


def _set_contact_point(grafana: GrafanaApi, point: Mapping[str, Any]) -> str:
    (receiver,) = point["receivers"]
    body = {**receiver, "name": point["name"]}
    listed = grafana.call("GET", "contact-points")
    if any(each.get("uid") == body["uid"] for each in listed):
        grafana.call("PUT", f"contact-points/{body['uid']}", body)
        return f"contact point {body['name']!r} changed"
    grafana.call("POST", "contact-points", body)
    return f"contact point {body['name']!r} made"


def _set_route(grafana: GrafanaApi, route: Mapping[str, Any]) -> str:
    tree = grafana.call("GET", "policies")
    routes = tree.get("routes") or []
    matchers = ", ".join("".join(matcher) for matcher in route["object_matchers"])
    if any(each.get("receiver") == route["receiver"] for each in routes):
        return f"a route to {route['receiver']!r} is there already and was left as it is"
    grafana.call("PUT", "policies", {**tree, "routes": [route, *routes]})
    return f"alerts with the label {matchers} go to {route['receiver']!r}, and on to the {len(routes)} other routes"


def _deployed_url() -> str:
    url = deployed_url()
    if url == UNKNOWN_URL:
        raise SetupFailed("Nothing is deployed from here: name the address of alert_intake with URL=…")
    return url


def _secret(name: str) -> str:
    """Return the first line of a variable, or what is typed; new values stand before old ones."""
    text = lookup(name) or getpass.getpass(f"{name}: ")
    if not text.strip():
        raise SetupFailed(f"{name} is empty; nothing was changed")
    return text.strip().splitlines()[0]


def main(arguments: Sequence[str]) -> int:
    """Do it; 1 when it failed."""
    parser = argparse.ArgumentParser(prog="infra.grafana.cloud", description="Make Grafana send alerts here.")
    parser.add_argument("--grafana", required=True, help="root URL of Grafana")
    parser.add_argument("--url", default="", help="where alerts go; by default the last deployment")
    parser.add_argument("--signed", action="store_true", help="with Grafana's signature, of Grafana 12")
    options = parser.parse_args(arguments)
    try:
        url = options.url or _deployed_url()
        grafana = GrafanaApi(options.grafana, _secret("GRAFANA_TOKEN"))
        values = {"INCIDENT_COPILOT_URL": url, "INCIDENT_COPILOT_KEY": _secret("WEBHOOK_API_KEY")}
        if options.signed:
            values["INCIDENT_COPILOT_HMAC_SECRET"] = _secret("WEBHOOK_HMAC_SECRET")
        for line in set_up(grafana, values, is_signed=options.signed):
            print(line)
    except SetupFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    print("Now press Test at the contact point: each channel gets a short message within a minute.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
