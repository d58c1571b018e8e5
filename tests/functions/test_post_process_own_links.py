"""Which addresses a brief links: pages of configured systems, and those that the alert brought."""

from typing import Any

import pytest

from functions.post_process.brief.render import render
from functions.post_process.brief.view import Usage
from functions.post_process.own_links import own_links_only
from shared.bounds import Contract
from shared.contracts import PostProcessRequest
from tests.functions import post_process_requests as requests

EVIL = "https://evil.example/login"
AT = "@"


@pytest.fixture(autouse=True)
def _systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """The systems of the settings."""
    monkeypatch.setenv("GRAFANA_HOST", "https://grafana.example:3000/proxy/7")
    monkeypatch.setenv("APPROVAL_URL", "https://approve.example")


def linking(url: str) -> PostProcessRequest:
    """Return a whole incident in which every address, except the alert's, is this one."""
    request = requests.full()
    values = {name: _linking(value, url) for name, value in dict(request).items() if name != "alert"}
    return request.replace(**values)


def _linking(value: Any, url: str) -> Any:
    if isinstance(value, list):
        return [_linking(each, url) for each in value]
    if not isinstance(value, Contract):
        return value
    names = [name for name in type(value).model_fields if name.endswith("url") or name == "link"]
    changed = {name: _linking(each, url) for name, each in dict(value).items() if isinstance(each, Contract | list)}
    return value.replace(**changed, **dict.fromkeys(names, url))


@pytest.mark.parametrize(
    "url",
    [
        EVIL,
        "https://grafana.example/d/1",
        "https://grafana.example:3000.evil.example/",
        f"https://github.com{AT}evil.example/octo/shop",
        f"https://me:pw{AT}github.com/octo/shop",
        "javascript:alert(1)",
        "//github.com/octo/shop",
        "https://[broken",
        "https://gist.github.com/x",
    ],
)
def test_address_elsewhere_is_dropped_wherever_it_stands(url: str) -> None:
    """Evidence, commits, pull request, branch: whoever wrote it there."""
    checked = own_links_only(linking(url))

    assert url not in checked.model_dump_json()
    brief = render(checked, [], Usage())
    assert url not in brief.html + brief.text


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/octo/shop/pull/7",
        "https://GRAFANA.example:3000/explore?x=1",
        "https://approve.example/?token=t",
        "https://wiki.example/runbook",
    ],
)
def test_address_of_a_configured_system_stays(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub's pages are not where its API is; LINK_HOSTS names further hosts."""
    monkeypatch.setenv("LINK_HOSTS", '["Wiki.example"]')

    assert own_links_only(linking(url)) == linking(url)


def test_github_enterprise_replaces_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the code host that is configured counts."""
    monkeypatch.setenv("GITHUB_API_URL", "https://code.example/api/v3")

    assert own_links_only(linking("https://code.example/octo/shop")) == linking("https://code.example/octo/shop")
    assert "github.com" not in own_links_only(linking("https://github.com/octo/shop")).model_dump_json(
        exclude={"alert"}
    )


def test_addresses_of_the_alert_itself_stay() -> None:
    """Its rule, dashboard and runbook are what its sender says."""
    request = requests.full()
    alert = request.alert.replace(
        generator_url="https://rules.example/1", dashboard_url="https://boards.example/2", annotations={"runbook": EVIL}
    )

    checked = own_links_only(request.replace(alert=alert))

    assert checked.alert == alert
    assert "https://rules.example/1" in render(checked, [], Usage()).html
