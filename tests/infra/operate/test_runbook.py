"""The runbook of infra/README.md: eight symptoms, each with a command that exists."""

import re

import pytest

from infra import bundle

README = (bundle.ROOT / "infra" / "README.md").read_text()
RUNBOOK = README.split("\n## Runbook\n")[1].split("\n## ")[0]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (bundle.ROOT / "Makefile").read_text(), re.MULTILINE))
SYMPTOMS = re.findall(r"^\| \[([^]]+)\]\(#([a-z-]+)\) \| `make ([a-z-]+)", RUNBOOK, re.MULTILINE)
LATER = {"replay"}
"""Commands that stand in the runbook before they are built."""


def test_runbook_starts_from_eight_symptoms() -> None:
    """A tired person looks for what is seen, not for the policy that fired."""
    assert len(SYMPTOMS) == 8


@pytest.mark.parametrize(("symptom", "anchor", "command"), SYMPTOMS, ids=[symptom[1] for symptom in SYMPTOMS])
def test_symptom_has_a_page_with_its_command(symptom: str, anchor: str, command: str) -> None:
    """The link leads to a heading, and the first command stands below it."""
    section = RUNBOOK.split(f"\n### {symptom}\n")[1].split("\n### ")[0]

    assert anchor == symptom.lower().replace(" ", "-")
    assert f"make {command}" in section
    assert command in TARGETS | LATER


def test_every_make_command_of_the_page_exists() -> None:
    """None was renamed since it was written."""
    named = set(re.findall(r"(?:`|^|\$ |\| )make ([a-z][a-z-]*)", README, re.MULTILINE))

    assert len(named) > 15
    assert {name for name in named if name not in TARGETS and not name.startswith("deploy-")} <= LATER


def test_every_alert_policy_has_a_heading() -> None:
    """The mail of a policy names it."""
    policies = README.split("\n## By alert policy\n")[1].split("\n## ")[0]
    alerts = (bundle.ROOT / "infra" / "gcp" / "alerts.tf").read_text()

    names = set(re.findall(r"^    ([a-z_]+) += \{$", alerts, re.MULTILINE))
    assert names
    assert {name for name in names if f"\n### {name}\n" not in policies} == set()
