"""The Loki sandbox has the wire format and the rules of the real one."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.sandboxes.loki.server import LokiSandbox

API = {"stream": {"service_name": "api", "pod": "api-1"}, "values": [["1000", "one ERROR"], ["2000", "two"]]}
WEB = {
    "stream": {"service_name": "web", "quote": 'a"b\\c'},
    "values": [["1500", "three"], ["3000", "fo`ur\tend", {"detected_level": "error"}]],
}
ALL = '{service_name=~".+"}'


@pytest.fixture
def loki() -> Iterator[LokiSandbox]:
    with LokiSandbox([API, WEB]) as sandbox:
        yield sandbox


def ask(loki: LokiSandbox, query: str, **params: str | int) -> requests.Response:
    window = {"start": 0, "end": "2000000001", **params}
    return requests.get(f"{loki.url}/loki/api/v1/query_range", {"query": query, **window}, timeout=5)


def texts(reply: requests.Response) -> list[str]:
    assert reply.status_code == 200, reply.text
    return [value[1] for stream in reply.json()["data"]["result"] for value in stream["values"]]


def at(nanoseconds: int) -> str:
    """A time written so that it is read as nanoseconds."""
    return f"{nanoseconds:011d}"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('{service_name="api"}', {"one ERROR", "two"}),
        ('{service_name="api", pod!="api-1"}', set()),
        ('{service_name=~"ap"}', set()),
        ('{service_name=~"ap.|nothing"}', {"one ERROR", "two"}),
        ('{service_name=~".+", service_name!~"w.b"}', {"one ERROR", "two"}),
        ('{service_name=`web`} |= "three"', {"three"}),
        ('{quote="a\\"b\\\\c"}', {"three", "fo`ur\tend"}),
        (f'{ALL} |= "fo`ur\\tend"', {"fo`ur\tend"}),
        (f'{ALL} |= "\\u006fne" != "\\x74wo"', {"one ERROR"}),
        (f'{ALL} |~ "(?i)error|t.o"', {"one ERROR", "two"}),
        (f'{ALL} !~ "(?i)error|t.o"', {"three", "fo`ur\tend"}),
        (f'{ALL} |= "one" or "three"', {"one ERROR", "three"}),
        (f'{ALL} | detected_level="error"', {"fo`ur\tend"}),
        (f'{ALL} | pod="api-1" or detected_level=~"err.*" |= "e"', {"one ERROR", "fo`ur\tend"}),
        (f'{ALL} | (pod="api-1" or detected_level="error") and service_name!="web"', {"one ERROR", "two"}),
    ],
)
def test_matchers_and_stages_select_lines(loki: LokiSandbox, query: str, expected: set[str]) -> None:
    """Label matchers are anchored, line filters are not, stages are ANDed."""
    assert set(texts(ask(loki, query))) == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "parse error at line 1, col 1: syntax error: unexpected $end, expecting {"),
        ('{"api"}', "parse error at line 1, col 2: syntax error: unexpected STRING, expecting IDENTIFIER"),
        ('{service_name "api"}', "unexpected STRING, expecting = or =~ or !~ or !="),
        ('{service_name="api"', "unexpected $end, expecting }"),
        ('{service_name="api"} tail', "unexpected IDENTIFIER"),
        ('{service_name=~"("}', "error parsing regexp"),
        ('{service_name="\\q"}', "invalid syntax"),
        ("{}", "queries require at least one regexp or equality matcher"),
        ('{service_name=~".*"}', "queries require at least one regexp or equality matcher"),
        ('{service_name!="api"}', "queries require at least one regexp or equality matcher"),
        ('count_over_time({service_name="api"}[1m])', "syntax error"),
        ('sum(count_over_time({service_name="api"}))', "unexpected )"),
        ('sum(count_over_time({service_name="api"}[soon]))', "expecting DURATION"),
    ],
)
def test_invalid_query_is_400_in_plain_text(loki: LokiSandbox, query: str, words: str) -> None:
    """Loki's errors are text, not JSON."""
    reply = ask(loki, query)

    assert reply.status_code == 400
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert words in reply.text


@pytest.mark.parametrize(
    ("step", "counts"), [("1s", {1: 1, 2: 2}), (2, {2: 2}), ("500ms", {1: 1, 1.5: 2, 2: 2, 2.5: 1})]
)
def test_lines_are_counted_over_a_range_at_each_step(
    loki: LokiSandbox, step: str | int, counts: dict[float, int]
) -> None:
    """A range excludes its start and includes its end; where it is empty there is no point."""
    values = [[str(n), "x ERROR"] for n in (1_000_000_000, 1_500_000_000, 2_000_000_000)]
    loki.load({"streams": [{"stream": {"service_name": "slow"}, "values": values}]})
    query = 'sum(count_over_time({service_name="slow"} |= "ERROR" [1s]))'

    data = ask(loki, query, start=0, end=at(4_000_000_000), step=step).json()["data"]

    assert data["resultType"] == "matrix"
    assert {time: int(count) for time, count in data["result"][0]["values"]} == counts


@pytest.mark.parametrize(
    ("step", "words"), [("0", "zero or negative"), ("soon", "cannot parse"), ("1ms", "maximum resolution of 11,000")]
)
def test_an_impossible_step_is_400_with_lokis_message(loki: LokiSandbox, step: str, words: str) -> None:
    """Too many points are refused, as Loki does."""
    reply = ask(loki, 'sum(count_over_time({service_name="api"}[1m]))', end=at(60_000_000_000), step=step)

    assert (reply.status_code, words in reply.text) == (400, True)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"limit": 6000}, "limit > max_entries_limit_per_query (6000 > 5000)"),
        ({"limit": 0}, "limit must be a positive value"),
        ({"limit": "many"}, "invalid syntax"),
        ({"direction": "sideways"}, "invalid direction"),
        ({"start": "yesterday"}, "could not parse 'start' parameter"),
        ({"start": 5, "end": 5}, "end timestamp must not be before or equal to start time"),
    ],
)
def test_bad_parameters_are_400_with_lokis_message(loki: LokiSandbox, params: dict[str, str | int], words: str) -> None:
    """The parameters have the limits of the real Loki."""
    reply = ask(loki, ALL, **params)

    assert reply.status_code == 400
    assert words in reply.text


def test_window_includes_its_start_and_excludes_its_end(loki: LokiSandbox) -> None:
    """A window is half-open."""
    assert set(texts(ask(loki, ALL, start=at(1000), end=at(2000)))) == {"one ERROR", "three"}


def test_the_three_ways_to_write_a_time_mean_the_same() -> None:
    """Nanoseconds, float seconds and RFC 3339 with nanoseconds."""
    moment = 1_700_000_000_123_456_789
    with LokiSandbox([{"stream": {"service_name": "api"}, "values": [[str(moment), "x"]]}]) as loki:
        ends = [str(moment + 1), "1700000000.12345679", "2023-11-14T23:13:20.123456790+01:00"]
        results = [texts(ask(loki, ALL, start="1700000000", end=end)) for end in ends]
        before = texts(ask(loki, ALL, start="1700000000", end="2023-11-14T22:13:20.123456789Z"))

    assert results == [["x"], ["x"], ["x"]]
    assert before == []


def test_the_limit_applies_over_all_streams_from_the_chosen_end(loki: LokiSandbox) -> None:
    """Backward returns the newest lines, forward the oldest; the default is backward."""
    assert set(texts(ask(loki, ALL, limit=2))) == {"fo`ur\tend", "two"}
    assert set(texts(ask(loki, ALL, limit=2, direction="forward"))) == {"one ERROR", "three"}


def test_a_hundred_lines_is_the_default() -> None:
    """Without a limit the answer has a hundred lines."""
    lines = [[at(n), "x"] for n in range(150)]
    with LokiSandbox([{"stream": {"service_name": "api"}, "values": lines}]) as loki:
        assert len(texts(ask(loki, ALL))) == 100


def test_structured_metadata_is_returned_as_labels_or_by_category(loki: LokiSandbox) -> None:
    """It splits the stream, unless the client requests categorised labels."""
    query = {"query": '{service_name="web"} |= "ur"', "start": "0", "end": "2"}
    header = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}
    plain = requests.get(f"{loki.url}/loki/api/v1/query_range", query, timeout=5).json()["data"]
    split = requests.get(f"{loki.url}/loki/api/v1/query_range", query, headers=header, timeout=5).json()["data"]

    assert plain["result"][0]["stream"]["detected_level"] == "error"
    assert split["encodingFlags"] == ["categorize-labels"]
    assert split["result"][0]["values"][0][2] == {"structuredMetadata": {"detected_level": "error"}}


def test_pushed_lines_are_found_again(loki: LokiSandbox) -> None:
    """A JSON push, gzipped or not, is answered 204; equal lines are stored twice."""
    body: dict[str, Any] = {"streams": [{"stream": {"service_name": "new"}, "values": [["7", "same"], ["7", "same"]]}]}
    packed, header = gzip.compress(json.dumps(body).encode()), {"Content-Encoding": "gzip"}
    first = requests.post(f"{loki.url}/loki/api/v1/push", json=body, timeout=5)
    second = requests.post(f"{loki.url}/loki/api/v1/push", packed, headers=header, timeout=5)
    broken = requests.post(f"{loki.url}/loki/api/v1/push", "{}", timeout=5)

    assert (first.status_code, second.status_code, broken.status_code) == (204, 204, 400)
    assert texts(ask(loki, '{service_name="new"}')) == ["same"] * 4


def test_an_answer_can_be_loaded_back_from_a_file(loki: LokiSandbox, tmp_path: Path) -> None:
    """The answer of one Loki can be loaded into another."""
    path = tmp_path / "logs.json.gz"
    path.write_bytes(gzip.compress(ask(loki, ALL).content))

    with LokiSandbox() as other:
        other.load_file(path)
        assert texts(ask(other, ALL)) == texts(ask(loki, ALL))


def test_labels_values_readiness_and_instant_queries(loki: LokiSandbox) -> None:
    """The other endpoints answer as Loki's do."""
    base = f"{loki.url}/loki/api/v1"
    instant = requests.get(f"{base}/query", {"query": ALL}, timeout=5)

    assert requests.get(f"{base}/labels", timeout=5).json()["data"] == ["pod", "quote", "service_name"]
    assert requests.get(f"{base}/label/service_name/values", timeout=5).json()["data"] == ["api", "web"]
    assert requests.get(f"{loki.url}/ready", timeout=5).text == "ready\n"
    assert (instant.status_code, instant.text.split(",")[0]) == (
        400,
        "log queries are not supported as an instant query type",
    )
    assert requests.get(f"{loki.url}/other", timeout=5).status_code == 404
