"""Traffic that goes on: the pods of the build live, and a deployment replaces them by others that really differ."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests

from infra.local.cli.demo import SCENARIO
from infra.local.live import control, mock_load
from infra.local.live.live_traffic import LiveTraffic
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.prometheus.server import SAMPLES, PrometheusSandbox
from infra.local.scenarios.build import Built, build
from shared import clock

BEGAN = clock.now().replace(microsecond=0)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The scenario, built once."""
    return build(SCENARIO, tmp_path_factory.mktemp("built") / "scenario", BEGAN)


class Place:
    """Sandboxes with the telemetry of a build, its live traffic, and a clock that the test moves."""

    def __init__(self, folder: Path, built: Built) -> None:
        shutil.copytree(built.alert.parent, folder / "scenario")
        root = folder / "scenario"
        self.folder, self.spoken = folder, list[str]()
        self.built = Built(
            built.service_name, root / "alert.json", root / "logs.loki.json", root / "metrics.json",
            root / "repo.git", built.github_repo,
        )  # fmt: skip
        # As with MOCK_CPU=high.
        mock_load.add(root / "metrics.json", mock_load.settings_of({"MOCK_CPU": "high"}), BEGAN)
        self.loki, self.prometheus = LokiSandbox(), PrometheusSandbox()
        self.loki.load_file(self.built.logs)
        self.prometheus.load_file(root / "metrics.json")
        self.moment = BEGAN

    def go_on(self, traffic: LiveTraffic, seconds: int) -> None:
        """Let time pass, five seconds at once."""
        for _ in range(0, seconds, 5):
            self.moment += timedelta(seconds=5)
            traffic.tick(self.moment)

    def lines(self, since: datetime, text: str = "") -> list[str]:
        """Return the service's lines since a moment."""
        query = f'{{service_name="checkout-api"}} |= "{text}"'
        window = {"start": int(since.timestamp() * 1e9), "end": int(self.moment.timestamp() * 1e9) + 1}
        parameters: dict[str, str | int] = {"query": query, "limit": 5000, **window}
        reply = requests.get(f"{self.loki.url}/loki/api/v1/query_range", params=parameters, timeout=10)
        return [line for stream in reply.json()["data"]["result"] for _, line in stream["values"]]

    def value(self, query: str) -> dict[str, float]:
        """Return an instant value by version."""
        parameters = {"query": query, "time": str(self.moment.timestamp())}
        reply = requests.get(f"{self.prometheus.url}/api/v1/query", params=parameters, timeout=10).json()
        return {each["metric"].get("version", ""): float(each["value"][1]) for each in reply["data"]["result"]}


@pytest.fixture
def place(original: Built, tmp_path: Path) -> Iterator[Place]:
    """Where the traffic goes."""
    made = Place(tmp_path, original)
    with made.loki, made.prometheus:
        yield made


@pytest.fixture
def traffic(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveTraffic]:
    """The traffic, moved by the test alone."""
    monkeypatch.setattr(clock, "now", lambda: place.moment)
    monkeypatch.setattr(LiveTraffic, "_run", lambda _: None)
    say: Callable[[str, str, str], None] = lambda *words: place.spoken.append(words[2])  # noqa: E731
    with LiveTraffic(place.folder, SCENARIO, place.built, place.loki.url, place.prometheus.url, say) as live:
        yield live


def test_a_quarter_of_an_hour_later_there_are_still_lines_and_failures(place: Place, traffic: LiveTraffic) -> None:
    """In the last minute as in the first, from the pods of the build; their counters only grow."""
    query = 'sum by (version) (http_requests_total{service_name="checkout-api"})'
    first = place.value(query)["2.15.0"]
    place.go_on(traffic, 900)

    last_minute = place.lines(place.moment - timedelta(minutes=1))
    assert len(last_minute) > 60
    assert any("ZeroDivisionError" in line for line in place.lines(place.moment - timedelta(minutes=5)))
    assert all("/app/" in line for line in place.lines(BEGAN, "File") if "checkout/" in line)
    assert place.value(query)["2.15.0"] > first + 1000
    pods = place.value('sum by (version) (up{service_name="checkout-api"})')
    assert pods["2.15.0"] == 3
    assert place.spoken == []


def test_heal_and_break_deploy_versions_that_differ(place: Place, traffic: LiveTraffic) -> None:
    """Pods of other names, a deployment at the code host, and the failures go and come back."""
    (place.folder / control.VERSION_FILE).write_text("before")
    place.go_on(traffic, 60)
    healed = place.moment
    place.go_on(traffic, 300)
    assert place.lines(healed, "ZeroDivisionError") == []
    assert len(place.lines(healed)) > 300
    (place.folder / control.VERSION_FILE).write_text("after")
    place.go_on(traffic, 300)

    assert place.lines(place.moment - timedelta(minutes=4), "ZeroDivisionError") != []
    assert place.spoken == ["checkout-api runs 2.14.1 on 3 pods", "checkout-api runs 2.15.0 on 3 pods"]
    rows = json.loads((place.folder / "scenario/repo.git/deployments.json").read_text())["deployments"]
    assert [row["ref"] for row in rows] == ["v2.14.1", "v2.15.0", "v2.14.1", "v2.15.0"]
    alert = json.loads(place.built.alert.read_text())["alerts"][0]
    assert datetime.fromisoformat(alert["startsAt"]) > healed + timedelta(seconds=299)
    assert float(alert["values"]["B"]) > 0


def test_alert_leads_to_no_page_that_is_not_there(place: Place, traffic: LiveTraffic) -> None:
    """There is no Grafana on this machine, before a deployment and after it."""
    assert "grafana.example.com" not in place.built.alert.read_text()
    (place.folder / control.VERSION_FILE).write_text("before")
    place.go_on(traffic, 30)

    assert "grafana.example.com" not in place.built.alert.read_text()
    assert json.loads(place.built.alert.read_text())["alerts"][0]["labels"]["service_name"] == "checkout-api"


def test_sleep_of_the_laptop_is_not_made_up_for(place: Place, traffic: LiveTraffic) -> None:
    """The traffic of a night would come at once."""
    place.moment += timedelta(hours=8)
    traffic.tick(place.moment)

    assert 0 < len(place.lines(place.moment - timedelta(hours=7))) < 500
    assert place.lines(place.moment - timedelta(hours=7)) == place.lines(place.moment - timedelta(minutes=1))


def test_samples_that_are_none_are_refused(place: Place) -> None:
    """And those that are change what was stored at no other time."""
    url = f"{place.prometheus.url}{SAMPLES}"

    for wrong in ("x", "[]", '{"data": {"result": [{}]}}'):
        assert requests.post(url, data=wrong, timeout=10).status_code == 400, wrong
