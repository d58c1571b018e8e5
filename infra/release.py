"""In which order a release deploys the functions: who reads an answer before who writes it, so that none is misread.

python -m infra.release                writes infra/waves.txt, which cloudbuild.yaml reads: each line is one apply

A field that a writer adds is then known wherever it is read; one that a reader needs is optional for one release, so it
is never missing. What stands in one line is independent of the rest of it.
"""

from infra import bundle
from shared.step import steps

WAVES = bundle.ROOT / "infra" / "waves.txt"

_OUTSIDE_THE_WORKFLOW = {
    "workflow_starter": {"alert_intake"},
    "post_process": {"incident_sweeper"},
    "pr_approval": {"pr_creator", "post_process"},
    "incident_sweeper": {"code_host_webhook", "workflow_starter"},
    "incident_console": {"code_host_webhook", "workflow_starter"},
}
"""Who reads what whom else writes, beside the answers of steps."""


def reads_from() -> dict[str, set[str]]:
    """Return for each function those whose messages, calls or answers it reads."""
    reads = {name: set(_OUTSIDE_THE_WORKFLOW.get(name, ())) for name in bundle.names()}
    for row in steps.STEPS:
        answered = {other.name for other in steps.STEPS if other.field in row.request.model_fields}
        reads[row.name] |= (answered - {row.name}) | {"workflow_starter"}
        reads["incident_console"].add(row.name)
    return reads


def waves() -> list[list[str]]:
    """Return the functions in the order to deploy them: each after all that read from it. Raises ValueError."""
    waiting = reads_from()
    ordered: list[list[str]] = []
    while waiting:
        wave = sorted(name for name in waiting if not any(name in sources for sources in waiting.values()))
        if not wave:
            raise ValueError(f"These functions read from each other, so none can be deployed first: {sorted(waiting)}")
        ordered.append(wave)
        for name in wave:
            del waiting[name]
    return ordered


def text() -> str:
    """Return the file: a line of names for each wave."""
    return "".join(f"{' '.join(wave)}\n" for wave in waves())


if __name__ == "__main__":
    WAVES.write_text(text(), encoding="utf-8")
