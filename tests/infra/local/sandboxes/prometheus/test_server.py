"""The Prometheus sandbox computes its PromQL subset as the real one does, with the same error messages."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra import bundle
from infra.local.sandboxes.prometheus.server import PrometheusSandbox

RECORDED = bundle.ROOT.parent / "shared" / "payloads" / "prometheus_query_range"
NOW = 1_700_000_000


@pytest.fixture
def prometheus() -> Iterator[PrometheusSandbox]:
    with PrometheusSandbox() as sandbox:
        times = range(NOW - 600, NOW + 1, 15)
        for status, per_s in (("200", 40), ("500", 10)):
            samples = [(t, per_s * (t - NOW + 600)) for t in times]
            sandbox.load("http_requests_total", {"service": "api", "status": status}, samples)
        sandbox.load("memory", {"service": "api", "pod": "a"}, [(t, 1e9) for t in times])
        sandbox.load("memory", {"service": "api", "pod": "b"}, [(t, 3e9) for t in times])
        for bound, count in (("0.1", 50), ("0.5", 90), ("+Inf", 100)):
            sandbox.load("latency_bucket", {"service": "api", "le": bound}, [(t, count) for t in times])
        yield sandbox


def value(prometheus: PrometheusSandbox, query: str, time: float = NOW) -> dict[str, float]:
    """Return the result of an instant query: joined label values → number."""
    reply = requests.get(f"{prometheus.url}/api/v1/query", {"query": query, "time": str(time)}, timeout=5).json()
    assert reply["status"] == "success", reply
    if reply["data"]["resultType"] == "scalar":
        return {"scalar": float(reply["data"]["result"][1])}
    return {",".join(r["metric"].values()): float(r["value"][1]) for r in reply["data"]["result"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("memory", {"memory,a,api": 1e9, "memory,b,api": 3e9}),
        ('memory{pod="a"}', {"memory,a,api": 1e9}),
        ('{__name__=~"mem.*",pod!~"a|c"}', {"memory,b,api": 3e9}),
        ('memory{pod="a\\"b"}', {}),
        ('memory{pod=~"a",}', {"memory,a,api": 1e9}),
        ("sum(memory)", {"": 4e9}),
        ("max by (service) (memory)", {"api": 3e9}),
        ("min(memory) by (service)", {"api": 1e9}),
        ("avg(memory)", {"": 2e9}),
        ("count(memory)", {"": 2}),
        ('memory{pod="b"} / memory{pod="b"}', {"b,api": 1}),
        ('sum(memory{pod="b"}) / sum(memory{pod="a"}) * 2', {"": 6}),
        ("memory / 1e9", {"a,api": 1, "b,api": 3}),
        ("3 / 2", {"scalar": 1.5}),
        ("sum(nothing) or sum(memory)", {"": 4e9}),
        ("sum(nothing) / sum(memory)", {}),
        # `or` binds weakest and keeps, of the right side, only series whose labels the left side does not have:
        # https://prometheus.io/docs/prometheus/latest/querying/operators/
        ("sum(nothing) or sum(memory) * 0", {"": 0}),
        ("sum(memory) or sum(memory) * 0", {"": 4e9}),
        ('memory{pod="a"} * 2 or memory * 0', {"a,api": 2e9, "b,api": 0}),
        ("(sum(nothing) or sum(memory) * 0) / sum(memory)", {"": 0}),
        ("sum by (status) (rate(http_requests_total[1m]))", {"200": 40, "500": 10}),
        ('sum(increase(http_requests_total{status="500"}[2m]))', {"": 1200}),
        ("histogram_quantile(0.5, sum by (le) (latency_bucket))", {"": 0.1}),
        ("histogram_quantile(0.7, latency_bucket)", {"api": 0.3}),
        ("histogram_quantile(0.95, latency_bucket)", {"api": 0.5}),
    ],
)
def test_the_promql_subset_is_computed(prometheus: PrometheusSandbox, query: str, expected: dict[str, float]) -> None:
    """Selectors, rates, aggregates, quotients, alternatives and quantiles."""
    assert value(prometheus, query) == pytest.approx(expected)


def test_a_rate_survives_a_counter_that_restarts(prometheus: PrometheusSandbox) -> None:
    """A decrease means a reset to zero, never a negative rate."""
    prometheus.load("jobs_total", {}, [(NOW - 60, 100), (NOW - 40, 120), (NOW - 20, 10), (NOW, 30)])

    assert value(prometheus, "increase(jobs_total[61s])")[""] == pytest.approx(50 * 61 / 60)


def test_one_sample_gives_no_rate_and_an_old_sample_no_value(prometheus: PrometheusSandbox) -> None:
    """A rate needs two samples, and a value a sample of the last five minutes."""
    prometheus.load("rare", {}, [(NOW - 301, 5)])

    assert value(prometheus, "rate(rare[10m])") == {}
    assert value(prometheus, "rare") == {}
    assert value(prometheus, "rare", NOW - 2) == {"rare": 5}


def test_numbers_are_written_as_go_writes_them(prometheus: PrometheusSandbox) -> None:
    """No exponents; NaN and infinities by name; whole seconds as integers."""
    prometheus.load("numbers", {"n": "1"}, [(NOW, 1e-7)])
    prometheus.load("numbers", {"n": "2"}, [(NOW, 2.5e20)])
    prometheus.load("zero", {}, [(NOW, 0)])
    ask = {"query": "numbers", "start": NOW, "end": NOW, "step": 15}

    series = requests.post(f"{prometheus.url}/api/v1/query_range", ask, timeout=5).json()["data"]["result"]
    undefined = requests.get(
        f"{prometheus.url}/api/v1/query", {"query": "zero / zero", "time": str(NOW)}, timeout=5
    ).json()
    infinite = requests.get(f"{prometheus.url}/api/v1/query", {"query": "1 / zero", "time": str(NOW)}, timeout=5).json()

    assert [each["values"] for each in series] == [[[NOW, "0.0000001"]], [[NOW, "250000000000000000000"]]]
    assert undefined["data"]["result"][0]["value"][1] == "NaN"
    assert infinite["data"]["result"][0]["value"][1] == "+Inf"


@pytest.mark.parametrize("name", ["bad_query", "bad_step", "end_before_start", "too_many_points"])
def test_errors_are_the_recorded_ones(prometheus: PrometheusSandbox, name: str) -> None:
    """The same request gets the same error as from Prometheus 2.42."""
    path = RECORDED / f"error_{name}.json"
    if not path.exists():
        pytest.skip("the recorded payloads are not on this machine")
    recorded = json.loads(path.read_text())

    reply = requests.get(f"{prometheus.url}/api/v1/query_range", recorded["request"]["params"], timeout=5)

    assert (reply.status_code, reply.json()) == (recorded["response"]["status"], recorded["response"]["body"])


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "unexpected $end"),
        ("foo(memory)", 'unknown function with name "foo"'),
        ("memory > 1", "unexpected >"),
        ("{}", "non-empty matcher"),
        ('memory{pod=~"("}', "error parsing regexp"),
        ("rate(memory[5x])", "expecting"),
        ("memory offset 5m", "unexpected IDENTIFIER"),
    ],
)
def test_query_outside_the_subset_is_bad_data(prometheus: PrometheusSandbox, query: str, words: str) -> None:
    """An unknown construct is an error, never a wrong number."""
    reply = requests.get(f"{prometheus.url}/api/v1/query", {"query": query}, timeout=5)

    assert (reply.status_code, reply.json()["errorType"]) == (400, "bad_data")
    assert words in reply.json()["error"]


def test_an_answer_can_be_loaded_back_from_a_file(prometheus: PrometheusSandbox, tmp_path: Path) -> None:
    """The answer of one Prometheus can be loaded into another; times are floats or RFC 3339, steps durations."""
    ask = {"query": "memory", "start": "2023-11-14T22:11:20Z", "end": str(NOW), "step": "1m"}
    answer = requests.get(f"{prometheus.url}/api/v1/query_range", ask, timeout=5)
    path = tmp_path / "metrics.json"
    path.write_bytes(answer.content)

    with PrometheusSandbox() as other:
        other.load_file(path)
        again = requests.get(f"{other.url}/api/v1/query_range", ask, timeout=5)

    assert len(answer.json()["data"]["result"][0]["values"]) == 3
    assert again.json() == answer.json()


def test_readiness_page_is_served(prometheus: PrometheusSandbox) -> None:
    """The readiness page has Prometheus' own text."""
    assert requests.get(f"{prometheus.url}/-/ready", timeout=5).text == "Prometheus Server is Ready.\n"
    assert requests.get(f"{prometheus.url}/nowhere", timeout=5).status_code == 404


def test_values_of_a_label_are_those_of_the_selected_series_in_the_time(prometheus: PrometheusSandbox) -> None:
    """Any `match[]` selects; what has no sample in the time is left out, and the limit ends the list."""

    def names(**params: object) -> list[str]:
        url = f"{prometheus.url}/api/v1/label/__name__/values"
        reply = requests.get(url, params, timeout=5).json()  # type: ignore[arg-type]  # a list is a repeated parameter
        assert reply["status"] == "success"
        return list(reply["data"])

    times = {"start": NOW - 60, "end": NOW}
    assert names(**times) == ["http_requests_total", "latency_bucket", "memory"]
    assert names(**times, limit=1) == ["http_requests_total"]
    assert names(**{"match[]": ['{pod="a"}', '{status="500"}'], **times}) == ["http_requests_total", "memory"]
    assert names(**{"match[]": '{pod="a"}', "start": NOW + 60, "end": NOW + 90}) == []


def test_label_values_need_a_selector_that_can_be_read(prometheus: PrometheusSandbox) -> None:
    """As in a query, an empty one is bad_data."""
    url = f"{prometheus.url}/api/v1/label/__name__/values"

    reply = requests.get(url, {"match[]": "{}"}, timeout=5)

    assert (reply.status_code, reply.json()["errorType"]) == (400, "bad_data")
