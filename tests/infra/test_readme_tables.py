"""The computed tables of infra/README.md are fresh, and its runbook covers every alert policy."""

import re

import pytest

from infra import bundle, readme_tables
from infra.bench import size_and_start
from infra.bench.size_and_start import Measured
from infra.costs import estimate

README = readme_tables.README.read_text()
MEASURED = ("bench", "bench_brief", "load")
"""Measured on a quiet machine by `make bench`; the others are computed."""
MARKED = [name for name in re.findall(r"^<!-- begin (\w+) -->$", README, re.MULTILINE) if name not in MEASURED]
GCP = bundle.ROOT / "infra" / "gcp"


@pytest.fixture(scope="module")
def parts() -> dict[str, str]:
    """Every table as it is computed now; once, because they are computed together."""
    return readme_tables.parts()


@pytest.mark.parametrize("name", MARKED)
def test_table_is_fresh(name: str, parts: dict[str, str]) -> None:
    """`make generate` would change nothing."""
    assert readme_tables.filled(README, name, parts[name]) == README


def test_every_table_has_its_place(parts: dict[str, str]) -> None:
    """What is computed stands between markers of its name."""
    assert set(parts) == set(MARKED)


def test_part_without_markers_is_an_error() -> None:
    """No table goes missing silently."""
    with pytest.raises(KeyError, match="nowhere"):
        readme_tables.filled(README, "nowhere", "")


def test_every_alert_policy_stands_in_the_runbook() -> None:
    """Each policy has a heading of its name."""
    text = (GCP / "alerts.tf").read_text()
    policies = re.findall(r"^    (\w+) = \{\n      severity", text, re.MULTILINE)

    assert len(policies) == 13
    assert [name for name in policies if f"### {name}\n" not in README] == []


def test_every_link_within_the_page_leads_somewhere() -> None:
    """A heading that was renamed takes its links along."""
    headings = {re.sub(r"[^\w -]", "", line).strip().lower() for line in re.findall(r"^#+ (.+)$", README, re.MULTILINE)}

    assert set(re.findall(r"\]\(#([\w-]+)\)", README)) <= {head.replace(" ", "-") for head in headings}


def test_costs_add_up() -> None:
    """The total is the sum of its lines, and models are the larger part of it."""
    total = sum(item.usd for item in estimate.items())

    assert f"**{total:.2f}**" in estimate.table()
    assert sum(item.usd for item in estimate.items() if "Gemini" in item.what) > total / 2


def test_measurements_become_a_table() -> None:
    """One row for each function, with its numbers in place."""
    result = Measured("rca", 206.3, 49, 51, 66.1, 0.22, 0.66, 1030, 81.6, 0.17)

    assert (
        size_and_start.table([result]).splitlines()[-1]
        == "| `rca` | 206 | 49 | 51 | 66 | 0.17 | 0.22 | 0.60 | 0.66 | 1030 | 82 |"
    )
