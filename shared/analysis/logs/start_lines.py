"""Lines that instances write when they start, by which a restart shows in the lines of one that goes on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from shared.analysis.logs.drain import Cluster
from shared.analysis.logs.instances import name_of_source
from shared.analysis.logs.parse import LogEntry

MAX_TIMES = 100
"""A line written more often is no start-up line: instances start less often."""
MIN_INSTANCES = 2
"""So many instances must begin with a line before it means a start: what one writes first may be anything."""
START_LINES = 20
"""So many entries after its first an instance may still be starting."""
_NEW: list["StartLine"] = []


@dataclass
class StartLine:
    """One entry of a rare kind; `position` counts the instance's entries before it."""

    at: datetime
    instance: str
    text: str
    position: int


@dataclass
class StartLines:
    """Collects the rare kinds of entries, which come oldest first, with the instance that wrote each."""

    _lines: dict[Cluster, list[StartLine] | None] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, entry: LogEntry, cluster: Cluster) -> None:
        """Note an entry; one that names no instance shows no start."""
        name = name_of_source(entry.source)
        if not name:
            return
        position = self._counts.get(name, 0)
        self._counts[name] = position + 1
        lines = self._lines.get(cluster, _NEW)
        if lines is None:
            return
        if lines is _NEW:
            self._lines[cluster] = [StartLine(entry.at, name, entry.text, position)]
        else:
            lines.append(StartLine(entry.at, name, entry.text, position))
            if len(lines) > MAX_TIMES:
                self._lines[cluster] = None

    def restarts(self, settled: datetime) -> list[StartLine]:
        """
        Return the start-up lines that an instance wrote after other lines, oldest first.

        A start-up line is the first of several instances that began after `settled`, and in these it comes more often
        as their first line than later: an ordinary line comes again and again.
        """
        later: list[StartLine] = []
        for lines in self._by_kind():
            begins = [one for one in lines if one.position == 0 and one.at > settled]
            began = {one.instance for one in begins}
            again = [one for one in lines if one.position > 0]
            repeated = sum(one.instance in began for one in again)
            if len(began) >= MIN_INSTANCES and repeated < len(begins):
                later += again
        return sorted(later, key=lambda one: one.at)

    def at_starts(self, settled: datetime) -> Iterator[StartLine]:
        """
        Yield the lines with which instances began or restarted after `settled`.

        Of their first lines these are the kinds that none of them wrote at another time.
        """
        kinds = self._by_kind()
        began = {one.instance for lines in kinds for one in lines if one.position == 0 and one.at > settled}
        positions: dict[str, list[int]] = {}
        for one in self.restarts(settled):
            positions.setdefault(one.instance, []).append(one.position)

        def is_at_start(one: StartLine) -> bool:
            since = [*([0] if one.instance in began else []), *positions.get(one.instance, ())]
            return any(0 <= one.position - start < START_LINES for start in since)

        yield from (one for lines in kinds if all(map(is_at_start, lines)) for one in lines)

    def rare(self) -> Iterator[StartLine]:
        """Yield every line of a kind that is rare."""
        yield from (one for lines in self._by_kind() for one in lines)

    def _by_kind(self) -> list[list[StartLine]]:
        """Return the lines of each rare kind: clusters may have turned out to be one."""
        joined: dict[Cluster, list[StartLine] | None] = {}
        for cluster, lines in self._lines.items():
            same = joined.setdefault(cluster.root, [])
            joined[cluster.root] = None if same is None or lines is None else [*same, *lines]
        return [sorted(lines, key=lambda one: one.at) for lines in joined.values() if lines and len(lines) <= MAX_TIMES]
