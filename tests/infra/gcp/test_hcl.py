"""The Terraform files read as text, with or without Terraform: they parse, and every name leads somewhere."""

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from infra import bundle

FILES = sorted((bundle.ROOT / "infra" / "gcp").glob("*.tf"))
TEXT = "\n".join(path.read_text() for path in FILES)
# Strings may hold `label.x` or `local.y` that are not references.
CODE = "\n".join(line.partition("#")[0] for line in TEXT.splitlines())


def blocks(kind: str) -> list[dict[str, Any]]:
    """Return every block of a kind in all files, its labels unquoted."""
    nested = [block for path in FILES for block in hcl2.loads(path.read_text()).get(kind, [])]
    return [_unquoted(block) for block in nested]


def _unquoted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key.strip('"'): _unquoted(inner) for key, inner in value.items() if not key.startswith("__")}
    return value


def named(kind: str) -> set[str]:
    """Return the names of a kind of block."""
    return {name for block in blocks(kind) for name in block}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_parses(path: Path) -> None:
    """The file is HCL."""
    assert hcl2.loads(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_indentation_is_two_spaces(path: Path) -> None:
    """No tab, no odd indentation, no blank at the end of a line, as `terraform fmt` would have it."""
    for line in path.read_text().splitlines():
        indent = len(line) - len(line.lstrip(" "))
        assert "\t" not in line
        assert line == line.rstrip()
        assert indent % 2 == 0


def test_variables_are_described_alphabetical_and_used() -> None:
    """Each variable says what it is for, has a type, and something reads it."""
    variables = {name: fields for block in blocks("variable") for name, fields in block.items()}

    assert list(variables) == sorted(variables)
    assert all(fields["description"] and fields["type"] for fields in variables.values())
    assert set(re.findall(r"\bvar\.(\w+)", CODE)) == set(variables)


def test_outputs_are_described() -> None:
    """Each output says what it is."""
    assert all(fields["description"] for block in blocks("output") for fields in block.values())


def test_every_local_is_defined_and_used() -> None:
    """Every reference has a target, and everything computed is used."""
    defined = named("locals")

    assert set(re.findall(r"\blocal\.(\w+)", CODE)) == defined


def test_every_reference_to_a_resource_leads_to_one() -> None:
    """`google_x.y` is declared wherever it is mentioned."""
    declared = {f"{kind}.{name}" for block in blocks("resource") for kind, named in block.items() for name in named}

    mentioned = set(re.findall(r"\b(google_\w+\.\w+)", re.sub(r"\bdata\.google_\w+\.\w+", "", CODE)))
    assert mentioned <= declared


def test_versions_are_pinned() -> None:
    """Terraform and its provider cannot change by themselves."""
    assert 'required_version = ">= 1.9, < 2.0"' in TEXT
    assert re.search(r'version = "~> \d+\.\d+"', TEXT)


def test_lock_file_pins_each_provider_to_the_version_that_is_tested() -> None:
    """What `terraform init` fetches has the version of provider_schema.json and one of the published checksums."""
    lock = (bundle.ROOT / "infra" / "gcp" / ".terraform.lock.hcl").read_text()
    pinned = dict(
        re.findall(r'^provider "registry.terraform.io/(hashicorp/[\w-]+)" \{\n  version +=  *"(.*)"$', lock, re.M)
    )

    assert set(pinned) == set(re.findall(r'source += "(hashicorp/[\w-]+)"', TEXT))
    assert pinned == {"hashicorp/google": "6.50.0", "hashicorp/google-beta": "6.50.0", "hashicorp/time": "0.13.1"}
    # A file for each of ten platforms or more, so that any machine may deploy.
    assert all(block.count("zh:") >= 10 for block in lock.split("provider ")[1:])


def test_an_entity_has_a_file() -> None:
    """A file is named after what it makes, and none is long."""
    assert all(len(path.read_text().splitlines()) <= 250 for path in FILES)
    assert "main.tf" not in {path.name for path in FILES}


def test_every_metric_that_is_queried_is_counted() -> None:
    """An alert policy or a chart over a metric nobody writes would stay silent for ever."""
    counted = set(re.findall(r"^ {4}(\w+) += \{ f", TEXT, re.MULTILINE))
    queried = set(re.findall(r"local\.log_metric\}_(\w+?)(?:_bucket|_sum)?\$", TEXT))

    assert queried
    assert queried <= counted, queried - counted


def test_metrics_count_events_that_are_logged() -> None:
    """Every event and field that a metric looks for is written by some line of the product."""
    text = (bundle.ROOT / "infra" / "gcp" / "metrics.tf").read_text().replace("\\", "")
    files = [path for folder in ("functions", "shared") for path in (bundle.ROOT / folder).rglob("*.py")]
    product = "\n".join(path.read_text() for path in files)

    events = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', text))
    assert {"step.ended", "alert_intake.published", "workflow_starter.decided"} <= events
    assert [event for event in sorted(events) if f'"{event}"' not in product] == []
    fields = set(re.findall(r'field += "([a-z_]+)"', text))
    assert fields == {"cost_usd", "duration_ms"}
    (line,) = [path.read_text() for path in files if '"step.ended"' in path.read_text()]
    assert [field for field in sorted(fields) if not re.search(rf'{field}"?[=:]', line)] == []
