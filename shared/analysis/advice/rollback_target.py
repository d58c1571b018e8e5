"""Which version a rollback leads to, by name and by the time until which it ran."""

import re

from shared.analysis.advice.values import name
from shared.contracts import Change, CodeAnalysis, Incident

_SHA = re.compile(r"[0-9a-f]{7,64}")


def rollback_target(incident: Incident, code: CodeAnalysis | None = None) -> str:
    """
    Return the version that ran before, like "2.14.1, the version until 01:56 UTC"; empty when nothing shows one.

    Instances that alone wrote the leading error show it, else a version or a deployment that came before the onset. A
    version that is only a commit's hash means nothing to a reader, so another source's name of it goes first.
    """
    changes = changes_to_undo(incident, code)
    if not changes:
        return ""
    moment = f"{changes[0].at:%H:%M} UTC"
    versions = [version for one in changes if (version := name(one.version_before))]
    if named := next((version for version in versions if not _SHA.fullmatch(version)), ""):
        return f"{named}, the version until {moment}"
    # Nothing names it, so a reader has to find it by its time.
    return f"what ran until {moment} (commit {versions[0][:12]})" if versions else f"what ran until {moment}"


def changes_to_undo(incident: Incident, code: CodeAnalysis | None = None) -> list[Change]:
    """Return what a rollback undoes: the change of instances or versions, and the deployment that reports it."""
    change = incident.rollout or _before_onset(incident, incident.what_changed)
    deployment = _before_onset(incident, code.what_changed if code else [])
    return [one for one in (change, deployment) if one is not None]


def _before_onset(incident: Incident, changes: list[Change]) -> Change | None:
    """Return the version that came last before the onset, and what it replaced."""
    onset = incident.onset or incident.end
    replaced = [one for one in changes if one.version_before and one.error_share is None and one.at <= onset]
    return max(replaced, key=lambda one: one.at, default=None)
