"""What the code host says of versions: deployments and releases near the onset, and the commits between two of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from shared.analysis.thresholds import CHANGE_PERIOD
from shared.bounds import clip
from shared.code_host.port import CodeReader, Comparison, Deployment, Release
from shared.contracts import Alert, Change, Incident
from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable

MAX_REPORTED = 3
"""Deployments, and releases, that are shown: as many as lines that report a change."""
MAX_SUBJECTS = 5
_SHA = re.compile(r"[0-9a-f]{7,64}")
_FAILED = ("failure", "error")

Read = TypeVar("Read")


@dataclass(frozen=True)
class ReportedChange:
    """One change that the code host reports; `at` is aware UTC."""

    at: datetime
    what: str
    link: str
    version_before: str = ""
    version_after: str = ""


@dataclass(frozen=True)
class DeployedCommits:
    """
    The commits that the version after has and the one before has not.

    `is_whole` when all of them are listed, and nothing speaks against the version as the cause.
    """

    before: str
    after: str
    shas: frozenset[str]
    newest_first: tuple[str, ...]
    is_whole: bool


@dataclass(frozen=True)
class VersionPair:
    """Two versions by name, and the commits they are, empty where the repository does not have them."""

    before: str
    after: str
    at: datetime
    before_sha: str
    after_sha: str
    is_suspect: bool = True


@dataclass(frozen=True)
class VersionHistory:
    """What was read; `hints` say what was not, and why."""

    changes: tuple[ReportedChange, ...] = ()
    commits: DeployedCommits | None = None
    pair: VersionPair | None = None
    hints: tuple[str, ...] = ()


def read(alert: Alert, incident: Incident, reader: CodeReader, began: datetime) -> VersionHistory:
    """
    Return what the code host says of the versions near `began`; never raises: what cannot be read becomes a hint.

    Calls the reader three times, and up to ten times more to resolve two versions.
    """
    start = min(incident.start, began - CHANGE_PERIOD)
    guard = _Guard(reader.repo)
    listed = guard.call("deployments", lambda: reader.deployments(start, incident.end)) or ()
    releases = guard.call("releases", reader.releases) or ()
    deployments = _of_environment(alert, listed)
    pair = guard.call("versions", lambda: _pair(incident, reader, deployments, releases, began))
    comparison = None
    if pair is not None and pair.before_sha and pair.after_sha:
        base, head = pair.before_sha, pair.after_sha
        comparison = guard.call("commits between two versions", lambda: reader.compare(base, head))
    near = [one for one in deployments if start <= one.live_at <= incident.end]
    reported = [_deployment(one, deployments, start) for one in _closest(near, began)]
    named = {one.ref for one in near}
    published = [one for one in releases if start <= one.at <= incident.end and one.tag not in named]
    reported += [_release(one) for one in sorted(published, key=lambda one: abs(one.at - began))[:MAX_REPORTED]]
    if pair is not None and comparison is not None:
        reported.append(_between(pair, comparison))
    ordered = sorted(reported, key=lambda change: abs(change.at - began))
    return VersionHistory(tuple(ordered), _commits(pair, comparison), pair, tuple(guard.hints))


def deployed_refs(label: str) -> list[str]:
    """Return git refs a deployed version may have: its label, the label with `v`, the sha inside an image tag."""
    refs = [label] if label else []
    if re.match(r"\d+\.\d", label):
        refs.append(f"v{label}")
    refs += [sha for sha in re.findall(r"(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])", label) if sha != label][:1]
    return refs


class _Guard:
    """Calls the code host as long as it answers, and says what could not be read."""

    def __init__(self, repo: str) -> None:
        self._repo = repo
        self._is_down = False
        self.hints: list[str] = []

    def call(self, what: str, read_it: Callable[[], Read]) -> Read | None:
        """Return what was read, or None. After one failure to answer nothing more is asked: each would wait as long."""
        if self._is_down:
            return None
        try:
            return read_it()
        except IncidentCopilotError as error:
            self._is_down = isinstance(error, Unavailable | Throttled)
            rights = what if what == "deployments" else "contents"
            fix = f" GITHUB_TOKEN needs the permission to read {rights}." if isinstance(error, Refused) else ""
            self.hints.append(f"The {what} of {self._repo} were not read: {clip(str(error), 300)}.{fix}")
            return None


def _of_environment(alert: Alert, deployments: Sequence[Deployment]) -> list[Deployment]:
    """Return those of the environment that the alert's labels name, else of production, else all."""
    labels = {value.casefold() for value in alert.labels.values()}
    named = [one for one in deployments if one.environment.casefold() in labels]
    return named or [one for one in deployments if one.is_production] or list(deployments)


def _closest(deployments: Sequence[Deployment], began: datetime) -> list[Deployment]:
    return sorted(deployments, key=lambda one: abs(one.live_at - began))[:MAX_REPORTED]


def _pair(
    incident: Incident,
    reader: CodeReader,
    deployments: Sequence[Deployment],
    releases: Sequence[Release],
    began: datetime,
) -> VersionPair | None:
    """Return the versions before and after: those that telemetry saw, else those of the last deployment."""
    if (change := _seen(incident)) is not None:
        before, after = change.version_before, change.version_after
        is_suspect = change is incident.rollout or change.error_share is None
        base, head = (_resolved(version, reader, deployments, releases) for version in (before, after))
        return VersionPair(before, after, change.at, base, head, is_suspect)
    # A deployment is recorded as a success after its instances began, so what counts is when it was asked for.
    done = [one for one in deployments if one.succeeded_at is not None and one.at <= began]
    start = min(incident.start, began - CHANGE_PERIOD)
    if not done or done[0].live_at < start:
        return None
    before_it = _replaced(done[0], deployments)
    if before_it is None:
        return None
    return VersionPair(_name(before_it), _name(done[0]), done[0].live_at, before_it.sha, done[0].sha)


def _seen(incident: Incident) -> Change | None:
    changes = [incident.rollout] if incident.rollout else incident.what_changed
    return next((one for one in changes if one.version_before and one.version_after), None)


def _resolved(version: str, reader: CodeReader, deployments: Sequence[Deployment], releases: Sequence[Release]) -> str:
    """Return the commit of a version: by a tag of its name, a release or a deployment whose name ends with it."""
    for ref in deployed_refs(version):
        if sha := reader.resolve(ref):
            return sha
    ends = re.compile(rf"(?:^|[^0-9A-Za-z.]v?|^v){re.escape(version)}$")
    if deployment := next((one for one in deployments if ends.search(one.ref)), None):
        return deployment.sha
    release = next((one for one in releases if ends.search(one.tag)), None)
    return (reader.resolve(release.tag) if release else None) or ""


def _replaced(deployment: Deployment, deployments: Sequence[Deployment]) -> Deployment | None:
    """Return the deployment that ran until this one, in the same environment."""
    before = (
        one
        for one in deployments
        if one.environment == deployment.environment and one.at < deployment.at and one.succeeded_at is not None
    )
    return max(before, key=lambda one: one.live_at, default=None)


def _name(deployment: Deployment) -> str:
    """Return what was deployed by name; a branch has had many commits, so it comes with its own."""
    is_named = re.search(r"\d", deployment.ref) and not _SHA.fullmatch(deployment.ref)
    if is_named or _SHA.fullmatch(deployment.ref):
        return deployment.ref if is_named else deployment.ref[:12]
    return f"{deployment.ref} at {deployment.sha[:12]}"


def _deployment(one: Deployment, deployments: Sequence[Deployment], start: datetime) -> ReportedChange:
    name, where = _name(one), f" to {one.environment}" if one.environment else ""
    # It may have waited for an approval since long before.
    at = one.at if one.at >= start else one.live_at
    creator = f" by {one.creator}" if one.creator else ""
    if one.state in _FAILED and one.succeeded_at is None:
        return ReportedChange(at, f"The deployment of {name}{where}{creator} failed.", one.url)
    if one.succeeded_at is None:
        state = f", which is {one.state.replace('_', ' ')}" if one.state else ""
        return ReportedChange(at, f"A deployment of {name}{where} was asked for{creator}{state}.", one.url)
    before = _replaced(one, deployments)
    instead = f", in place of {_name(before)} of {before.live_at:%d %b %H:%M} UTC" if before else ""
    what = f"{name} was deployed{where}{creator}, done at {one.live_at:%H:%M:%S} UTC{instead}."
    return ReportedChange(at, what, one.url, _name(before) if before else "", name)


def _release(one: Release) -> ReportedChange:
    title = f" ({one.name})" if one.name and one.name != one.tag else ""
    creator = f" by {one.author}" if one.author else ""
    return ReportedChange(one.at, f"Release {one.tag}{title} was published{creator}.", one.url)


def _between(pair: VersionPair, compared: Comparison) -> ReportedChange:
    before, after, ahead, behind = pair.before, pair.after, compared.ahead_by, compared.behind_by
    if not ahead and not behind:
        what = f"{before} and {after} are the same commit: the code did not change."
    elif not ahead:
        what = f"{after} is older than {before}: it lacks {_counted(behind)} of it."
    else:
        lacking = f", and {_counted(behind)} of {before} are not in {after}" if behind else ""
        what = f"{_counted(ahead)} between {before} and {after}{lacking}: {_subjects(compared)}."
    return ReportedChange(pair.at, what, compared.url)


def _counted(number: int) -> str:
    return "1 commit" if number == 1 else f"{number:,} commits"


def _subjects(compared: Comparison) -> str:
    newest = compared.commits[::-1][:MAX_SUBJECTS]
    more = compared.ahead_by - len(newest)
    listed = ", ".join(f"{one.sha[:7]} {clip(one.subject, 80)!r}" for one in newest)
    return f"{listed} and {more:,} more" if more > 0 else listed


def _commits(pair: VersionPair | None, compared: Comparison | None) -> DeployedCommits | None:
    if pair is None or compared is None or not compared.commits:
        return None
    shas = tuple(one.sha for one in compared.commits[::-1])
    is_whole = pair.is_suspect and len(shas) >= compared.ahead_by
    return DeployedCommits(pair.before, pair.after, frozenset(shas), shas, is_whole)
