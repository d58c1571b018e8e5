"""Real logs and a sandbox's repository never explain one incident together."""

import pytest

from infra.doctor.offline.sources import check_sources

LOKI = {"GRAFANA_HOST": "https://logs.example.com"}
METRICS = {"PROMETHEUS_HOST": "https://metrics.example.com"}
CODE = {"GITHUB_REPO": "acme/shop"}


@pytest.mark.parametrize(
    ("values", "needed"),
    [
        (LOKI, "set PROMETHEUS_HOST, GITHUB_REPO too"),
        (LOKI | METRICS, "set GITHUB_REPO too"),
        (CODE, "set GRAFANA_HOST, PROMETHEUS_HOST too"),
        ({"SERVICE_REPOS": '{"a": "b/c"}'} | LOKI, "set PROMETHEUS_HOST too"),
    ],
)
def test_real_source_beside_a_sandbox_is_refused(values: dict[str, str], needed: str) -> None:
    """The fix names what is missing, and how to go on without it."""
    (check,) = check_sources(values)

    assert (check.state, needed in check.fix, "SANDBOX_SOURCES=false" in check.fix) == ("wrong", True, True)


@pytest.mark.parametrize("values", [{}, LOKI | METRICS | CODE, LOKI | {"SANDBOX_SOURCES": "false"}])
def test_all_or_none_of_the_sandboxes_is_fine(values: dict[str, str]) -> None:
    """Who has no repository leaves the sandboxes out."""
    assert check_sources(values) == []
