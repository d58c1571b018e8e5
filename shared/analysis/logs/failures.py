"""How often something failed: the error line and the access line of one request are one failure, not two."""

import re
from collections import Counter

READ_CHARS = 2_000
MAX_IDS = 50_000
MAX_LINES = 20
"""A token that as many error lines share on average names no request: a build, a host, a user."""
_HEX = r"[0-9a-f]{8,32}(?:-[0-9a-f]{4,12}){0,4}"
_ID = re.compile(rf"(?<![0-9A-Za-z])(?=[0-9a-f-]*[0-9])(?=[0-9-]*[a-f]){_HEX}(?![0-9A-Za-z])")
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]{8,32}(?![0-9A-Za-z])")


class Failures:
    """Counts the failures behind error lines, by the first id that each line holds."""

    def __init__(self) -> None:
        self._ids: Counter[str] = Counter()
        self._numbers: Counter[str] = Counter()
        self._others = 0

    def add(self, text: str) -> None:
        """Count an error line."""
        start = text[:READ_CHARS]
        if match := _ID.search(start):
            ids = self._ids
        else:
            match, ids = _NUMBER.search(start), self._numbers
        if match and (match[0] in ids or len(ids) < MAX_IDS):
            ids[match[0]] += 1
        else:
            self._others += 1

    @property
    def count(self) -> int:
        """Lines that hold the same id count once, where ids tell requests apart."""
        lengths = {len(id_) for id_ in self._ids}
        # One hexadecimal id of eight in forty holds no letter; a date or an amount has as many digits.
        alike = [lines for number, lines in self._numbers.items() if len(number) in lengths and lines <= MAX_LINES]
        lines, ids = self._ids.total() + sum(alike), len(self._ids) + len(alike)
        others = self._others + self._numbers.total() - sum(alike)
        return others + (ids if lines <= MAX_LINES * ids else lines)
