"""What one incident reads and writes is bounded: counted on the real path, before Google's emulators."""

from pathlib import Path

from infra.bench.load import counts
from tests.emulated import need

MAX = {
    "full": {"firestore_reads": 170, "firestore_writes": 70, "billed_steps": 180, "step_requests": 12, "mails": 2}
    | {"github_reads": 74, "github_searches": 3, "github_writes": 5, "loki_reads": 2, "prometheus_reads": 6},
    "repeat": {"firestore_reads": 45, "firestore_writes": 18, "billed_steps": 0, "step_requests": 1, "mails": 1},
    "healthy": {"firestore_reads": 35, "firestore_writes": 30, "billed_steps": 90, "step_requests": 3, "mails": 1},
}
"""
A seventh over what was counted: a new step may read its inputs, a whole trace read once more per step may not. Of what
is read outside, nearly no more than was counted: each request takes GitHub 100 to 300 ms.
"""


def test_one_incident_stays_within_its_counts(tmp_path: Path) -> None:
    """By events, not by the clock: an incident with a pull request, one more alert of it, and a healthy service."""
    need("pubsub", "firestore")

    used = counts.run(tmp_path, tuple(MAX))

    assert used.kinds == counts.KINDS
    over = {
        (path, name): (used.paths[path].get(name, 0), most)
        for path, limits in MAX.items()
        for name, most in limits.items()
        if used.paths[path].get(name, 0) > most
    }
    assert over == {}
