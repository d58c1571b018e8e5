"""The version that a rollback leads to: by name, from whichever source has one."""

from datetime import timedelta
from typing import Any

import pytest

from shared.analysis.advice.rollback_target import rollback_target
from shared.contracts import Change, CodeAnalysis
from tests.builders import NOW, an_incident

ONSET = NOW - timedelta(minutes=5)
SHA = "8b02ca05c9dafc651f8ee40926de9a80f37d988a"


def change(minutes_before: float = 1, **fields: Any) -> Change:
    """Return a change so many minutes before the onset."""
    return Change(**{"kind": "rollout", "at": ONSET - timedelta(minutes=minutes_before), "what": "", **fields})


def code(*changes: Change) -> CodeAnalysis:
    """Return what the code host says."""
    return CodeAnalysis(code_available=True, what_changed=list(changes))


DEPLOYMENT = change(2, kind="reported", version_before="v2.14.1", version_after="v2.15.0")
NEW_ONES = change(error_share=1, version_before="")


@pytest.mark.parametrize(
    ("seen", "reported", "target"),
    [
        (change(error_share=1, version_before="2.14.1"), DEPLOYMENT, "2.14.1, the version until 02:54 UTC"),
        (NEW_ONES, DEPLOYMENT, "v2.14.1, the version until 02:54 UTC"),
        (change(error_share=1, version_before=SHA), DEPLOYMENT, "v2.14.1, the version until 02:54 UTC"),
        (change(error_share=1, version_before=SHA), None, "what ran until 02:54 UTC (commit 8b02ca05c9da)"),
        (NEW_ONES, None, "what ran until 02:54 UTC"),
        (change(error_share=None, version_before="7"), None, "7, the version until 02:54 UTC"),
        (None, DEPLOYMENT, "v2.14.1, the version until 02:53 UTC"),
        (None, change(-1, version_before="v2.14.1"), ""),
        (change(error_share=0.5, version_before="2.14.1"), None, ""),
        (change(kind="reported"), None, ""),
    ],
)
def test_target_is_the_version_that_ran_until_the_change(
    seen: Change | None, reported: Change | None, target: str
) -> None:
    """A change after the onset, and one that does not explain the error, are no reason to go back."""
    incident = an_incident(onset=ONSET, what_changed=[seen] if seen else [])

    assert rollback_target(incident, code(reported) if reported else None) == target
