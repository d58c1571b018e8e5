"""What instances did near the onset, in sentences: restarts, versions that changed, settings that differ."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.analysis.changes.configuration import SettingChange, changed_settings
from shared.analysis.changes.restarts import SEEN_LATE, Restart
from shared.analysis.changes.versions import MeasuredVersion, VersionChange
from shared.analysis.faults import matching
from shared.analysis.logs.groups import LineGroup, TraceGroup
from shared.analysis.logs.start_lines import StartLine, StartLines
from shared.bounds import clip
from shared.contracts import ChangeKind

NAMES = 3
MAX_SETTING_LINES = 3


@dataclass(frozen=True)
class ChangeFact:
    """One change in sentences, and where it was seen: the line `text`, else the result of `query`."""

    kind: ChangeKind
    at: datetime
    what: str
    text: str = ""
    query: str = ""
    instances: list[str] = field(default_factory=list)
    version_before: str = ""
    version_after: str = ""
    error_share: float | None = None


def restarted(restarts: Sequence[Restart], versions: Sequence[VersionChange]) -> list[ChangeFact]:
    """Return what restarted; an instance that came back with another version counts once, by its version."""
    changed = {one.instance: one.at for one in versions}
    own = [one for one in restarts if one.instance not in changed or abs(one.at - changed[one.instance]) > SEEN_LATE]
    if not own:
        return []
    times: Counter[str] = Counter()
    for one in own:
        times[one.instance] += one.times
    total, names = times.total(), list(times)
    span = _span(own[0].at, own[-1].at)
    if len(names) == 1:
        often = f" {total} times" if total > 1 else ""
        what = f"Instance {names[0]} restarted{often} {span}.{_ended(own)}"
    else:
        listed = [name if times[name] == 1 else f"{name} ({times[name]} times)" for name in names]
        what = f"{len(names)} instances restarted, {total} times in all, {span}: {_listed(listed)}.{_ended(own)}"
    cited = next((one for one in own if one.text), own[0])
    return [ChangeFact("start", own[0].at, what, cited.text, cited.query, names)]


def _ended(restarts: Sequence[Restart]) -> str:
    reasons = Counter({one.instance: one.reason for one in restarts if one.reason}.values())
    if not reasons:
        return ""
    return " Last ended with: " + ", ".join(f"{name} ({count})" for name, count in reasons.most_common()) + "."


def version_changed(versions: Sequence[VersionChange], risen: Sequence[TraceGroup | LineGroup]) -> list[ChangeFact]:
    """Return which versions replaced others under the same names, one fact for each pair of versions."""
    pairs: dict[tuple[str, str], list[VersionChange]] = {}
    for one in versions:
        pairs.setdefault((one.before, one.after), []).append(one)
    return [_one_version(before, after, ones, risen) for (before, after), ones in pairs.items()]


def _one_version(
    before: str, after: str, ones: Sequence[VersionChange], risen: Sequence[TraceGroup | LineGroup]
) -> ChangeFact:
    names = list(dict.fromkeys(one.instance for one in ones))
    who = f"Instance {names[0]}" if len(names) == 1 else f"{len(names)} instances ({_listed(names)})"
    share = _error_share(names, ones[0].at, risen)
    errors = f" They wrote {share:.0%} of the leading error, which began after that." if share is not None else ""
    their = "its name" if len(names) == 1 else "their names"
    what = f"{who} went from version {before} to {after} under {their} {_span(ones[0].at, ones[-1].at)}." + (
        errors if len(names) > 1 else errors.replace("They", "It")
    )
    cited = next((one for one in ones if one.text), ones[0])
    return ChangeFact("rollout", ones[0].at, what, cited.text, cited.query, names, before, after, share)


def _error_share(names: Sequence[str], at: datetime, risen: Sequence[TraceGroup | LineGroup]) -> float | None:
    """Return their share of the leading error; None when nobody can say, or it came before."""
    if not risen or not (counted := risen[0].instances) or risen[0].times.before(at):
        return None
    return sum(counted[name] for name in names) / max(len(risen[0].times), counted.total())


def version_measured(measured: Mapping[str, Sequence[MeasuredVersion]], settled: datetime) -> list[ChangeFact]:
    """Return the version that new instances run by metrics, where those before ran another that ended."""
    first = [spans[0] for spans in measured.values()]
    before, began = [one for one in first if one.first <= settled], [one for one in first if one.first > settled]
    old = Counter(one.version for one in before)
    new = sorted((one for one in began if one.version not in old), key=lambda one: one.first)
    if not old or not new:
        return []
    version, after = old.most_common(1)[0][0], new[0].version
    of_new, of_old = [one for one in new if one.version == after], [one for one in before if one.version == version]
    ended = max(one.last for one in of_old)
    has_ended = ended < max(one.last for one in of_new)
    until = f"those of {version} ended by {ended:%H:%M:%S} UTC" if has_ended else f"{len(of_old)} still run {version}"
    counted = f"{len(of_new)} {'instance' if len(of_new) == 1 else 'instances'}"
    span = _span(new[0].first, of_new[-1].first)
    what = f"{counted} began {span} as version {after}, and {until}, by {new[0].metric}."
    kind: ChangeKind = "rollout" if has_ended else "start"
    names = [one.instance for one in of_new]
    return [ChangeFact(kind, new[0].first, what, "", new[0].query, names, version, after)]


def configured(starts: StartLines, settled: datetime, versions: Iterable[str]) -> list[ChangeFact]:
    """Return the settings that differ, by the lines of starts and those that report a configuration."""
    reports = [one for one in starts.rare() if matching.CHANGE.search(one.text)]
    named = set(versions)
    by_line: dict[int, tuple[StartLine, list[SettingChange]]] = {}
    for change in changed_settings(list(starts.at_starts(settled)), reports):
        # A version is named with the instances that run it.
        if not {change.before, change.after} & named:
            by_line.setdefault(id(change.line), (change.line, []))[1].append(change)
    return [_settings(line, changes) for line, changes in list(by_line.values())[:MAX_SETTING_LINES]]


def _settings(line: StartLine, changes: Sequence[SettingChange]) -> ChangeFact:
    listed = ", ".join(f"{one.name} from {clip(one.before, 60)} to {clip(one.after, 60)}" for one in changes)
    what = f"Settings that lines report changed at {line.at:%H:%M:%S} UTC, first on {line.instance}: {listed}."
    return ChangeFact("reported", line.at, what, line.text, "", [line.instance])


def _span(first: datetime, last: datetime) -> str:
    return f"at {first:%H:%M:%S} UTC" if first == last else f"from {first:%H:%M:%S} to {last:%H:%M:%S} UTC"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES} more" if len(names) > NAMES else ""
    return ", ".join(names[:NAMES]) + more
