"""Settings that lines report, and which of them differ between the instances before and after."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared import json_text
from shared.analysis.logs.levels import LEVEL_KEYS
from shared.analysis.logs.parse import MESSAGE_KEYS, TRACE_KEYS
from shared.analysis.logs.start_lines import StartLine

MIN_AGREEING = 2
"""So many instances of one side must start with the same, or what differs may be a process id."""
MAX_SETTINGS = 8
_PAIR = re.compile(
    r"(?<![^\s,;(\[{])([A-Za-z_][\w.-]{0,80})=(\"[^\"]{0,200}\"|'[^']{0,200}'|[^\s,;\"'()\[\]{}]{1,200})"
)
_NO_SETTINGS = frozenset(
    {*MESSAGE_KEYS, *TRACE_KEYS, *LEVEL_KEYS, "time", "timestamp", "ts", "logger", "caller", "name", "hostname", "pid"}
)


@dataclass(frozen=True)
class SettingChange:
    """A setting whose value changed; `line` is the first that says the new one."""

    name: str
    before: str
    after: str
    line: StartLine


def changed_settings(starts: Iterable[StartLine], reports: Iterable[StartLine]) -> list[SettingChange]:
    """
    Return the settings that all lines before a moment give one value and all lines from it on another.

    `starts` are lines of starts, `reports` those that report a configuration: a single one of them is enough.
    """
    reported = {(one.instance, one.position) for one in reports}
    lines = {(one.instance, one.position): one for one in (*starts, *reports)}.values()
    by_name: dict[str, list[tuple[str, StartLine]]] = {}
    for line in sorted(lines, key=lambda one: one.at):
        for name, value in settings_of(line.text).items():
            by_name.setdefault(name, []).append((value, line))
    changes = [change for name, values in by_name.items() if (change := _switch(name, values, reported))]
    return sorted(changes, key=lambda change: change.line.at)[:MAX_SETTINGS]


def settings_of(text: str) -> dict[str, str]:
    """Return the settings in a line: `key=value`, or the plain values of a JSON object and of objects in it."""
    settings = _of_json(text)
    if settings is None:
        settings = {name: value.strip("\"'") for name, value in _PAIR.findall(text)}
    return {name: value for name, value in settings.items() if name.rpartition(".")[2].lower() not in _NO_SETTINGS}


def _of_json(text: str) -> dict[str, str] | None:
    start = text.find("{")
    try:
        parsed = json_text.parsed(text[start:]) if start >= 0 else None
    except ValueError:
        return None
    return dict(_flat(parsed)) if isinstance(parsed, dict) else None


def _flat(values: Mapping[str, object], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict) and not prefix:
            yield from _flat(value, f"{name}.")
        elif isinstance(value, str | int | float | bool):
            yield f"{prefix}{name}", value if isinstance(value, str) else json.dumps(value)


def _switch(
    name: str, values: Sequence[tuple[str, StartLine]], reported: Collection[tuple[str, int]]
) -> SettingChange | None:
    before, after = values[0][0], values[-1][0]
    index = next((number for number, (value, _) in enumerate(values) if value != before), 0)
    if not index or any(value != after for value, _ in values[index:]):
        return None
    agreeing = max(len({line.instance for _, line in side}) for side in (values[:index], values[index:]))
    if agreeing < MIN_AGREEING and not all((line.instance, line.position) in reported for _, line in values):
        return None
    return SettingChange(name, before, after, values[index][1])
