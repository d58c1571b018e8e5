"""Logs, metrics and code belong together: real ones beside a sandbox's would lead to a commit that does not exist."""

from collections.abc import Mapping

from infra.doctor.check import Check, wrong
from infra.local.local_settings import LocalSettings

SOURCES = {
    "logs": ("GRAFANA_HOST",),
    "metrics": ("PROMETHEUS_HOST",),
    "code": (
        "GITHUB_REPO",
        "SERVICE_REPOS",
        "GITHUB_TOKEN",
        "GITHUB_APP_ID",
        "GITHUB_ALLOWED_REPOS",
        "GITHUB_API_URL",
    ),
}
"""The variables that name each source, the first of which is the one to set; any of them takes it from no sandbox."""


def has_sandboxes(values: Mapping[str, str]) -> bool:
    """Return whether what .env does not name comes from a sandbox; a value that is no boolean is named elsewhere."""
    text = values.get("SANDBOX_SOURCES", "")
    try:
        return LocalSettings.model_validate({"sandbox_sources": text}).sandbox_sources if text else True
    except ValueError:
        return True


def own_names(values: Mapping[str, str]) -> dict[str, str]:
    """Return by source the variable that names one of the operator's own."""
    rows = {source: next((name for name in names if name in values), "") for source, names in SOURCES.items()}
    return {source: name for source, name in rows.items() if name}


def check_sources(values: Mapping[str, str]) -> list[Check]:
    """Return that some sources are the operator's own and the others would be sandboxes."""
    own = own_names(values)
    left = [source for source in SOURCES if source not in own]
    if not own or not left or not has_sandboxes(values):
        return []
    needed = ", ".join(SOURCES[source][0] for source in left)
    verb = "is" if len(own) == 1 else "are"
    what = (
        f"{', '.join(own.values())} {verb} your own, and the {' and '.join(left)} would come from sandboxes, whose "
        "numbers and commits are fictional"
    )
    return [wrong(what, f"set {needed} too, or SANDBOX_SOURCES=false to leave out what you do not have")]
