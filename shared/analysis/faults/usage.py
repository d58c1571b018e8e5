"""How far a resource is used, by the numbers that a message about it states: of a pool, a queue, a quota, a limiter."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_USED = "active busy used inuse acquired borrowed leased allocated open current running numactive checkedout"
_FREE = "idle free numidle spare remaining"
_LIMIT = "total max maximum limit limited size capacity poolsize maxsize maxtotal maxactive maxconnections maxpoolsize"
_WAITING = "waiting pending queued waiters queuedtasks waitqueue waitqueuesize waitingthreads queuesize numwaiters"
_ROLES = {
    **dict.fromkeys(_USED.split(), "active"),
    **dict.fromkeys(_FREE.split(), "idle"),
    **dict.fromkeys(_LIMIT.split(), "limit"),
    **dict.fromkeys(_WAITING.split(), "waiting"),
}
_FIELD = re.compile(
    r"(?<![\w.])(?P<name>[A-Za-z][A-Za-z_-]{1,30}(?: [a-z]{2,12})?)\"? ?[=:] ?\"?(?P<number>\d{1,9})(?![\w.])"
)
_OF = re.compile(
    r"(?<![\w./:-])(?P<used>\d{1,9}) ?(?:of|/|out of) ?(?P<limit>\d{1,9})"
    r" (?:\w{1,20} ){0,3}?(?:active|busy|in use|used|acquired|borrowed|leased|allocated|checked out)\b"
)
_SIZE = re.compile(
    r"\b(?:limit|max(?:imum)?|pool) (?:\w{1,20} ){0,4}?(?P<number>\d{1,9})\b"
    r"(?![.:]\d| ?(?:[KMGT]i?B|bytes|ms|s|%)(?!\w))"
)
"""A limit with a unit is one of bytes or of time, of which nothing is active."""
_NAME = re.compile(r"(?<![\w.-])[A-Za-z][\w-]{2,60}")
_OVERFLOW = re.compile(r"\boverflow (?P<number>\d{1,9})\b")


@dataclass(frozen=True)
class Usage:
    """How many of a resource are active, of how many, and how many wait for one, as far as a message states it."""

    active: int | None = None
    limit: int | None = None
    waiting: int | None = None
    idle: int | None = None

    def __bool__(self) -> bool:
        """Return whether it says how much is used: a limit alone may be any number."""
        return bool(self.waiting) or (self.active is not None and self.limit is not None)

    @property
    def words(self) -> str:
        """The numbers in words: `10 of 10 active, up to 52 waiting`."""
        parts = []
        if self.active is not None:
            parts.append(f"{self.active} of {self.limit} active" if self.limit is not None else f"{self.active} active")
        elif self.limit is not None:
            parts.append(f"a limit of {self.limit}")
        if self.waiting:
            parts.append(f"up to {self.waiting} waiting")
        return ", ".join(parts)

    @property
    def pressure(self) -> tuple[int, int]:
        """What orders messages about one resource by how much is asked of it."""
        return (self.waiting or 0, self.active or 0)


def usage_of(text: str) -> Usage:
    """Return how far a resource is used by a message; of several numbers of one kind the first."""
    numbers: dict[str, int] = {}
    for role, number in _stated(text):
        numbers.setdefault(role, number)
    return Usage(numbers.get("active"), numbers.get("limit"), numbers.get("waiting"), numbers.get("idle"))


def _stated(text: str) -> Iterator[tuple[str, int]]:
    for match in _OF.finditer(text):
        yield "active", int(match["used"])
        yield "limit", int(match["limit"])
    for match in _FIELD.finditer(text):
        if role := _role(match["name"]):
            yield role, int(match["number"])
    overflow = _OVERFLOW.search(text)
    for match in _SIZE.finditer(text):
        yield "limit", int(match["number"]) + (int(overflow["number"]) if overflow else 0)


def _role(name: str) -> str | None:
    """Return what a field counts, by its whole name, its last word or its first: `pool size`, `active threads`."""
    words = re.findall(r"[A-Za-z]+", name.lower())
    return next((role for each in ("".join(words), words[-1], words[0]) if (role := _ROLES.get(each))), None)


def names_in(text: str) -> list[str]:
    """Return what in a text is written like the name of a thing: with a digit, a hyphen or a capital inside."""
    return [name for name in _NAME.findall(text) if re.search(r"[\d_-]|[a-z][A-Z]", name)]


def last_name(text: str) -> str:
    """Return the last name in a text; an empty text where it has none."""
    return next(iter(names_in(text)[::-1]), "")


def most_used(about: str, texts: Iterable[str]) -> str:
    """
    Return the text that states the most use of what `about` names; an empty text where none states any.

    Of two pools, each line names its own: what has more names in common speaks of the same one.
    """
    names = set(names_in(about))
    near = [text for text in dict.fromkeys(texts) if any(name in text for name in names)]
    stating = [
        (len(names.intersection(names_in(text))), usage.pressure, text) for text in near if (usage := usage_of(text))
    ]
    return max((one for one in stating if one[0]), default=(0, (0, 0), ""))[2]
