"""Whether a place of a trace is at fault, or does its work there: a guard that raises, or a helper that was misused."""

import re
from collections.abc import Sequence

from shared.analysis.code.paths import is_test
from shared.analysis.code.places.frames import RAISES
from shared.analysis.code.places.location import CodeLocation
from shared.analysis.code.suspect_commits import Suspect
from shared.analysis.thresholds import WORTH_FOLLOWING

MAX_STEPS = 2
"""How far up the stack it leads: a guard may call another one."""

_NAME = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*")
_STRING = re.compile(r"(['\"`]).*?\1")
_CALL = re.compile(r"(?<!\w)[A-Za-z_]\w*+(?=\s*\()")
_PARAMETERS = re.compile(r"\(([^()]*)")
_OBJECT = re.compile(r"(?<!\w)(?:self|this|cls)\s*(?:\.|->|\[)|(?<!\w)@\w")
_WORDS = frozenset(
    re.findall(
        r"\w+",
        "and as assert await catch cls const elif else false False for func if in instanceof is lambda let new nil "
        "None not null or return self this true True undefined var with yield while",
    )
)


def callers_first(locations: Sequence[CodeLocation], ranked: Sequence[Suspect]) -> list[CodeLocation]:
    """
    Return the places, the caller of a guard before it.

    A guard raises, or fails by nothing but what its function was called with; its caller is in another file and calls
    it by its name, so that others can call it too. It stays first where the best suspect changed its file: it is new.
    """
    listed = list(locations)
    for place in range(min(len(listed) - 1, MAX_STEPS)):
        guard, caller = listed[place], listed[place + 1]
        if not _calls(caller, guard) or not is_guard(guard) or _is_new(guard, ranked):
            break
        listed[place], listed[place + 1] = caller, guard
    return listed


def is_guard(location: CodeLocation) -> bool:
    """Return whether the failing line raises on purpose, or uses nothing but its function's parameters."""
    text = location.place.text.strip()
    if RAISES.match(text):
        return True
    plain = _STRING.sub("", text)
    used = set(_NAME.findall(plain)) - _WORDS - set(_CALL.findall(plain))
    return bool(used) and used <= _parameters(location) and not _OBJECT.search(plain)


def _calls(caller: CodeLocation, guard: CodeLocation) -> bool:
    """Return whether a place of the same trace, in another file of the product, calls the guard's function by name."""
    if caller.evidence_ids != guard.evidence_ids or caller.place.path == guard.place.path or is_test(caller.place.path):
        return False
    return bool(guard.place.span.name) and guard.place.span.name in _CALL.findall(caller.place.text)


def _parameters(location: CodeLocation) -> set[str]:
    span = location.place.span
    if not span.name:
        return set()
    head = "\n".join(location.text.split("\n")[span.start - 1 : location.place.line])
    match = _PARAMETERS.search(head)
    parts = match[1].split(",") if match else []
    return {name for part in parts for name in _NAME.findall(part.split("=")[0])[:2]} - _WORDS


def _is_new(guard: CodeLocation, ranked: Sequence[Suspect]) -> bool:
    best = ranked[0] if ranked else None
    return bool(best and best.change and best.change.path == guard.place.path and best.score >= WORTH_FOLLOWING)
