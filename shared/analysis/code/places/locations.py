"""From the evidence of an incident to places in the code: stack frames first, else the words of log messages."""

import re
from collections.abc import Iterable, Iterator, Sequence

from shared.analysis.code import spans, suspect_commits
from shared.analysis.code.line_history import Place
from shared.analysis.code.paths import Match, Tree, is_test
from shared.analysis.code.places.frames import own_frames
from shared.analysis.code.places.location import CodeLocation, Files
from shared.bounds import clip
from shared.code_host.port import CodeReader
from shared.contracts import Frame, Incident, LogPattern, StackTrace

MAX_PLACES = 5
FUNCTIONS_OF_A_FILE = 2
"""More of one file would leave no place for the others on the stack."""
MAX_SEARCHES = 3

_LEVEL = re.compile(r"^\W*(?:FATAL|CRITICAL|SEVERE|ERROR|WARNING|WARN)\b")
_VARIABLE_PART = re.compile(r"<\*>|,?\s[\w.]+=|[\"'{}\[\]()=<>|\\#]|: ")
_BETWEEN = r"(?:[\s\"'`+\\.,]|\b[a-z](?=[\"']))+"
"""What stands between two words of a message in code: a text may be joined from several."""
_PLAIN_WORD = re.compile(r"(?<![^\s])[A-Za-z]{2,}(?![^\s,;])")
_LACKS = re.compile(
    r"module '[\w.]+' has no attribute|cannot import name '?\w+'? from '[\w.]+'|\bNoSuch(?:Method|Field)Error\b"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def from_traces(incident: Incident, tree: Tree, files: Files) -> list[CodeLocation]:
    """Return the places of the traces' frames, the likeliest first, each file and function once."""
    locations: dict[tuple[str, str], CodeLocation] = {}
    for trace in by_weight(incident.stack_traces):
        if _LACKS.search(f"{trace.exception_type}: {trace.message}"):
            # What lacks the name is at fault, not the line that wanted it.
            _add(locations, _named_modules(trace, tree, files, len(locations)))
        for frame in own_frames(trace, tree):
            each = _place(frame, trace, tree.match(frame), files, len(locations))
            if each is not None and _functions(locations, each.place.path) < FUNCTIONS_OF_A_FILE:
                locations.setdefault((each.place.path, each.place.span.name), each)
            if len(locations) == MAX_PLACES:
                return list(locations.values())
        _add(locations, _named_modules(trace, tree, files, len(locations)))
    return list(locations.values())[:MAX_PLACES]


def _add(locations: dict[tuple[str, str], CodeLocation], others: Iterable[CodeLocation]) -> None:
    for each in others:
        locations.setdefault((each.place.path, each.place.span.name), each)


def _functions(locations: Iterable[tuple[str, str]], path: str) -> int:
    return sum(listed == path for listed, _ in locations)


def _named_modules(trace: StackTrace, tree: Tree, files: Files, depth: int) -> Iterator[CodeLocation]:
    """Yield the files of modules the message names: an import or attribute error leaves no frame in them."""
    for dotted in list(dict.fromkeys(_DOTTED.findall(trace.message)))[:3]:
        module, _, last = dotted.rpartition(".")
        path = tree.module(dotted) or (tree.module(module) if "." in module else None)
        text = files.text(path) if path else None
        if path is None or text is None:
            continue
        line = spans.definition_line(text, last) or 1
        place = Place(path, line, text.split("\n")[line - 1].strip(), spans.enclosing(path, text, line), depth)
        issue = f"The message of {trace.exception_type} names this module: {dotted}"
        yield CodeLocation(place, text, issue, _correlation(trace), _ids(trace.evidence_id), is_frame=False)


def by_weight(traces: Sequence[StackTrace]) -> list[StackTrace]:
    """Order traces by relevance to this incident: the service's own words first, new ones, then the frequent."""
    return sorted(
        traces,
        key=lambda trace: (trace.is_doubtful, trace.count_before_onset > 0, trace.count_before_onset - trace.count),
    )


def _place(frame: Frame, trace: StackTrace, match: Match, files: Files, depth: int) -> CodeLocation | None:
    for path in match.paths[:3]:
        text = files.text(path)
        if text is None:
            continue
        line = spans.settle(text, frame.line if match.exact else None, frame.code, frame.function)
        if line is None or (len(match.paths) > 1 and not _agrees(text, line, frame)):
            continue
        content = text.split("\n")[line - 1].strip()
        place = Place(path, line, content, spans.enclosing(path, text, line), depth)
        return CodeLocation(
            place, text, _issue(place, frame, trace, text), _correlation(trace), _ids(trace.evidence_id)
        )
    return None


def _agrees(text: str, line: int, frame: Frame) -> bool:
    """Return whether the line is the frame's; needed where several files have the same name."""
    content = text.split("\n")[line - 1].strip()
    return bool(frame.code) and content == frame.code.strip()


def _issue(place: Place, frame: Frame, trace: StackTrace, text: str) -> str:
    where = f"in {place.span.name}()" if place.span.name else "here"
    is_raised = frame is trace.frames[-1]
    if place.line != frame.line and place.line == spans.definition_line(text, frame.function):
        # The failing line is not there any more: the one that defines its function is where to begin reading.
        verb = "is raised" if is_raised else "passes through"
        return f"{trace.exception_type} {verb} {where}, which line {place.line} defines: {clip(place.text, 200)}"
    verb = "is raised on" if is_raised else "passes through"
    return f"{trace.exception_type} {verb} line {place.line} {where}: {clip(place.text, 200)}"


def _correlation(trace: StackTrace) -> str:
    before = f", {trace.count_before_onset} of them before the onset" if trace.count_before_onset else ""
    return f"{trace.exception_type}: {clip(trace.message, 300)} ({trace.count} times{before})"


def from_messages(incident: Incident, reader: CodeReader, files: Files) -> list[CodeLocation]:
    """
    Return where the worst log messages are written, found by their constant words.

    Raises Unavailable, Throttled, Refused (from the reader; a search needs credentials).
    """
    locations: list[CodeLocation] = []
    for pattern in _worst(incident.patterns)[:MAX_SEARCHES]:
        phrase = _constant_part(pattern.template)
        if not phrase:
            continue
        for path in sorted(reader.search(phrase, limit=5), key=is_test)[:2]:
            each = _place_of_phrase(path, phrase, pattern, files, len(locations))
            if each is not None:
                locations.append(each)
    return locations[:MAX_PLACES]


def _worst(patterns: Sequence[LogPattern]) -> list[LogPattern]:
    bad = [pattern for pattern in patterns if pattern.level in ("fatal", "error", "warning")]
    order = {"fatal": 0, "error": 0, "warning": 1}
    return sorted(bad, key=lambda pattern: (order[pattern.level], pattern.count_before_onset - pattern.count))


def _constant_part(template: str) -> str:
    """Return the longest run of constant words in a template, empty when it is too short to search for."""
    runs = [run.strip(" .,:;-") for run in _VARIABLE_PART.split(_LEVEL.sub("", template))]
    best = max(runs, key=lambda run: (len(_PLAIN_WORD.findall(run)), len(run)), default="")
    return best[:100] if len(_PLAIN_WORD.findall(best)) >= 2 else ""


def _place_of_phrase(path: str, phrase: str, pattern: LogPattern, files: Files, depth: int) -> CodeLocation | None:
    text = files.text(path)
    match = re.search(_BETWEEN.join(map(re.escape, phrase.split())), text) if text else None
    if text is None or match is None:
        return None
    line = text[: match.start()].count("\n") + 1
    place = Place(path, line, text.split("\n")[line - 1].strip(), spans.enclosing(path, text, line), depth)
    issue = f"The message is written at line {line}: {clip(place.text, 200)}"
    return CodeLocation(
        place,
        text,
        issue,
        f"{clip(pattern.template, 300)} ({pattern.count} times)",
        _ids(pattern.evidence_id),
        is_frame=False,
    )


def _ids(evidence_id: str | None) -> tuple[str, ...]:
    return (evidence_id,) if evidence_id else ()


def words(incident: Incident, locations: Sequence[CodeLocation]) -> frozenset[str]:
    if locations and incident.stack_traces:
        return suspect_commits.words_of(by_weight(incident.stack_traces)[0].message)
    return suspect_commits.words_of(" ".join(pattern.template for pattern in _worst(incident.patterns)[:2]))
