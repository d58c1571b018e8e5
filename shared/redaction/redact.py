"""Removes secrets from texts for good; the placeholder names their kind, `[cut: <kind>]`."""

import json
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from threading import Lock

from shared import json_text
from shared.redaction import decoded_views, secret_names, secrets_by_key, secrets_in_prose, secrets_in_sql
from shared.redaction.decoded_views import BORDER, FILLER, View, listed
from shared.redaction.patterns import Pattern
from shared.redaction.rules import RedactionRule, Rules, Secret, Text, filled, folded, placeholder
from shared.redaction.secrets_by_context import CONTEXTS, PEOPLE
from shared.redaction.secrets_by_format import TOKENS
from shared.redaction.secrets_in_prose import IN_PROSE
from shared.redaction.secrets_in_sql import STATEMENTS

_CREDENTIALS = (*TOKENS, *CONTEXTS, *STATEMENTS, *IN_PROSE)
CREDENTIALS = Rules(_CREDENTIALS, secret_names.HINTS)
RULES = Rules((*_CREDENTIALS, *PEOPLE), secret_names.HINTS)
"""Secrets with a format of their own before those known by their context: of two at one place the first names it."""

KEY_LINES = 200
"""Maximum lines of one private key when each line was logged separately; an RSA key of 8,192 bits takes 100."""

MAX_PASSES = 4
"""Over one text: without a secret one is enough, and a second proves that nothing is left after the first."""

_LINES_SEARCHED = 100
_CHARS_SEARCHED = 65_536
"""At once: most kinds occur in none of a hundred lines, and one search of them all is cheaper than one of each."""

_KEY_STARTS = Pattern(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = Pattern(r"(?:^|(?<=\s))[A-Za-z0-9+/]{16,}={0,2}\s*$")
_SHORT_KEY_LINE = Pattern(r"^\s*[A-Za-z0-9+/]{1,76}={0,2}\s*$")
_OPEN_END = Pattern(r"[^\s.,;)}\]]\s*$")
_CONTINUES = Pattern(
    r"\s*[\"']?(?:value[\"']?\s*[:=]|string\(\d|(?:=>|[:=])\s*[\"']?\w)"
    r"|[\"']?(?!\w+://|\d{4}-\d\d|\d\d:\d\d|\d{1,3}(?:\.\d|\s|$)|[A-Z]\d{4}\s)(?=[^\s\"'`,;(){}\[\]]*(?:\d|[a-z][A-Z]))"
    r"[^\s\"'`,;(){}\[\]]{3,}"
)
"""How the rest of a value starts: no word, time or level, which start an entry of its own."""


_SHORT, _REMEMBERED, _REMEMBERED_CHARS = 1_000, 2_048, 1_000_000
"""
Characters of a short text, how many of these are remembered with their results, and characters of longer ones in all.

Most leave by several exits within a second: all the texts of an incident's facts, the brief and the logs. More would
only hold memory.
"""


class RecentResults:
    """The results of the last texts, at most so many characters of them; it may be used by several threads."""

    def __init__(self, max_chars: int) -> None:
        self._results: OrderedDict[str, str] = OrderedDict()
        self._chars, self._max_chars = 0, max_chars
        self._lock = Lock()

    def get(self, text: str) -> str | None:
        """Return the result of a text, or None."""
        with self._lock:
            if text in self._results:
                self._results.move_to_end(text)
            return self._results.get(text)

    def add(self, text: str, result: str) -> None:
        """Remember a result, and forget the oldest ones as far as it needs their room."""
        with self._lock:
            if text in self._results or len(text) + len(result) > self._max_chars:
                return
            self._results[text] = result
            self._chars += len(text) + len(result)
            while self._chars > self._max_chars:
                self._chars -= sum(map(len, self._results.popitem(last=False)))


_RECENT = RecentResults(_REMEMBERED_CHARS)


def redact(text: str) -> str:
    """
    Return `text` with every secret in it replaced by `[cut: <kind>]`; a placeholder stays as it is.

    Takes time linear in the length of `text`, for any text.
    """
    return _redact_once(text) if len(text) <= _SHORT else _redact_long(text)


@lru_cache(_REMEMBERED)
def _redact_once(text: str) -> str:
    return _redact(text)[0]


def _redact_long(text: str) -> str:
    result = _RECENT.get(text)
    if result is None:
        result, is_final = _redact(text)
        _RECENT.add(text, result)
        if is_final:
            # What was redacted is redacted again on its way out, by whoever does not know that it was.
            _RECENT.add(result, result)
    return result


def redact_json(value: object) -> object:
    """Return a JSON value with every text redacted; a text under a name like `password` is redacted whole."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return _named_values(
            {_key(key): secrets_by_key.redact_value(str(key), redact_json(item)) for key, item in value.items()}
        )
    if isinstance(value, list | tuple):
        return [redact_json(item) for item in value]
    return value


def redact_json_text(text: str) -> str:
    """Return the text of a JSON value redacted; it is JSON afterwards too."""
    if redact(text) == text:
        return text
    try:
        value = json_text.parsed(text)
    except ValueError:
        return redact(text)
    return redact(json.dumps(redact_json(value), ensure_ascii=False))


def redact_lines(texts: Sequence[str]) -> list[str]:
    """
    Return the entries of one log redacted, in order.

    A private key logged line by line is redacted as one, and so is a value whose rest stands in the next entry.
    """
    lines = list(texts)
    for start, text in enumerate(texts):
        key_start = _KEY_STARTS.search(text) if "PRIVATE KEY" in text else None
        if key_start and "-----END" not in text[key_start.end() :]:
            _redact_key_lines(lines, start + 1)
    searcher = _Searcher(RULES)
    for start, end in _batches(lines):
        _redact_batch(searcher, lines, start, end, MAX_PASSES)
    return lines


def holds_credentials(text: str) -> bool:
    """Whether `text` holds a secret that grants access; personal numbers and addresses do not."""
    return bool(_secrets(filled(text), CREDENTIALS))


def _redact(text: str) -> tuple[str, bool]:
    """Return the text redacted, and whether no further pass would change it."""
    for _ in range(MAX_PASSES):
        secrets = _secrets(filled(text), RULES)
        if not secrets:
            return text, True
        text = _replaced(text, secrets)
    return text, False


def _batches(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of parts of the log; each part starts with the last line of the one before."""
    start = 0
    while start < len(lines):
        end, size = start, 0
        while end < len(lines) and end - start < _LINES_SEARCHED and size < _CHARS_SEARCHED:
            size += len(lines[end])
            end += 1
        yield start, end
        start = end if end == len(lines) or end - start == 1 else end - 1


def _redact_batch(searcher: "_Searcher", lines: list[str], start: int, end: int, passes: int) -> None:
    """Redact these lines in place, and those that changed once more with the lines around them."""
    text = BORDER.join(filled(line) for line in lines[start:end])
    secrets = searcher.secrets(text)
    if not secrets:
        return
    changed = _replace_in_lines(lines, start, text, secrets)
    for first, last in _spans(changed, start, end) if passes > 1 else ():
        _redact_batch(searcher, lines, first, last, passes - 1)


def _replace_in_lines(lines: list[str], start: int, text: str, secrets: Sequence[Secret]) -> list[int]:
    """Replace secrets of the joined text in the lines that it is joined from; return the numbers of these lines."""
    bounds = list(decoded_views.entries(text))
    starts = [entry_start for entry_start, _ in bounds]
    by_line: dict[int, list[Secret]] = {}
    for secret in secrets:
        first, last = bisect_right(starts, secret.start) - 1, bisect_right(starts, secret.end - 1) - 1
        for number in range(first, last + 1):
            entry_start, entry_end = bounds[number]
            inside = max(secret.start, entry_start) - entry_start, min(secret.end, entry_end) - entry_start
            if inside[0] < inside[1]:
                by_line.setdefault(start + number, []).append(Secret(*inside, secret.kind))
    for number, inside_line in by_line.items():
        lines[number] = _replaced(lines[number], inside_line)
    return sorted(by_line)


def _spans(numbers: Sequence[int], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of the lines of these numbers and those next to them, runs of them as one."""
    first = last = -1
    for number in numbers:
        if first >= 0 and number > last:
            yield first, last
            first = -1
        first = max(number - 1, start) if first < 0 else first
        last = min(number + 2, end)
    if first >= 0:
        yield first, last


def _secrets(text: str, rules: Rules) -> list[Secret]:
    """Return the secrets of a filled text in every view of it, left to right, none overlapping another."""
    return _Searcher(rules).secrets(text)


class _Searcher:
    """Searches texts one after the other; the less new words one has, the faster."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._before: _Search | None = None

    def secrets(self, text: str) -> list[Secret]:
        secrets: list[Secret] = []
        whole: _Search | None = None
        for view in _views(text):
            search = _Search(view, self._rules, whole or self._before)
            # Most words of the other views, and of the next text, stand in this one.
            whole = whole or search
            for secret in search.secrets():
                if view.text[secret.start : secret.end].replace(FILLER, "").strip():
                    secrets.append(Secret(*view.source(secret.start, secret.end), secret.kind))
        self._before = whole
        return _merged(secrets) if secrets else secrets


def _views(text: str) -> Iterator[View]:
    yield from decoded_views.views(View(text))
    if BORDER in text and (borders := _continued(text)):
        yield from decoded_views.views(decoded_views.joined(text, borders))


def _continued(text: str) -> list[int]:
    """Return the borders over which a value may go on: its start at the end of an entry, its rest in the next."""
    bounds = list(decoded_views.entries(text))
    return [
        end
        for (start, end), (after, _) in pairwise(bounds)
        if _CONTINUES.match(text, after) and _OPEN_END.search(text, max(start, end - 8), end)
    ]


class _Search:
    """The search of one view; what no word held `before` can only stand in a new word."""

    def __init__(self, view: View, rules: Rules, before: "_Search | None") -> None:
        self._rules, self._before = rules, before
        self._words, self._runs = view.words, view.runs
        self._listed, runs = view.listed_words, folded(view.listed_runs)
        self._listed_new, new_runs = self._listed, runs
        if before:
            self._listed_new = listed(self._words - before._words)
            new_runs = folded(listed(self._runs - before._runs))
        self._text = Text(view.text, folded(self._listed))
        new_words = folded(self._listed_new) if before else self._text.words
        in_words, in_runs = (before._in_words, before._in_runs) if before else (None, None)
        self._in_words: set[str] = rules.in_words.standing(self._text.words, new_words, in_words)
        self._in_runs: set[str] = rules.in_runs.standing(runs, new_runs, in_runs)
        self._absent: set[str] = set()
        """What a word must hold and none does."""

    def secrets(self) -> Iterator[Secret]:
        """Yield the secrets that stand in the view, those of an earlier rule first."""
        text = self._text
        for rule in self._rules.with_hints(self._in_words, self._in_runs):
            if not rule.in_word or self._has_word(rule):
                yield from rule.secrets(text)
        self._before = None
        if names := secret_names.names(text, self._in_words):
            yield from secrets_by_key.secrets(text, names)
            yield from secrets_in_sql.secrets(text, names)
            yield from secrets_in_prose.secrets(text, names)

    def _has_word(self, rule: RedactionRule) -> bool:
        """Whether a word holds what must stand in one for a secret of the rule."""
        was_absent = self._before is not None and rule.in_word in self._before._absent
        if rule.pattern_in_word.search(self._listed_new if was_absent else self._listed):
            return True
        self._absent.add(rule.in_word)
        return False


def _merged(secrets: list[Secret]) -> list[Secret]:
    """Return the secrets left to right, those that overlap as one of the kind that has the most of it."""
    merged: list[Secret] = []
    size_of_kind = 0
    for secret in sorted(secrets, key=lambda one: one.start):
        size = secret.end - secret.start
        if merged and secret.start < merged[-1].end:
            kind = secret.kind if size > size_of_kind else merged[-1].kind
            merged[-1] = Secret(merged[-1].start, max(merged[-1].end, secret.end), kind)
            size_of_kind = max(size_of_kind, size)
        else:
            merged.append(secret)
            size_of_kind = size
    return merged


def _replaced(text: str, secrets: Sequence[Secret]) -> str:
    pieces, done = [], 0
    for secret in secrets:
        pieces += [text[done : secret.start], placeholder(secret.kind)]
        done = secret.end
    return "".join([*pieces, text[done:]])


def _redact_key_lines(texts: list[str], start: int) -> None:
    """Redact what looks like a key's body in the lines from `start` on, up to its end."""
    last = min(start + KEY_LINES, len(texts))
    end = next((number for number in range(start, last) if "-----END" in texts[number]), None)
    body = _KEY_LINE if end is None else _SHORT_KEY_LINE
    for number in range(start, last if end is None else end):
        texts[number] = _KEY_LINE.sub(placeholder("private key"), texts[number])
        texts[number] = body.sub(placeholder("private key"), texts[number])


def _key(key: object) -> object:
    return redact(key) if isinstance(key, str) else key


def _named_values(fields: dict[object, object]) -> dict[object, object]:
    """Return the fields with the value redacted that another field names: `{"name": "DB_PASSWORD", "value": …}`."""
    names = [value for key, value in fields.items() if str(key).lower() in ("name", "key") and isinstance(value, str)]
    if len(names) != 1:
        return fields
    return {
        key: secrets_by_key.redact_value(names[0], value) if str(key).lower() == "value" else value
        for key, value in fields.items()
    }
