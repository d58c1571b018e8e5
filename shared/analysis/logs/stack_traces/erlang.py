"""Elixir and Erlang: exceptions above `(app 0.1.0) lib/x.ex:12: Mod.fun/2`, crash reports, and terms of reasons."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces.parsed import UNKNOWN_TYPE, ParsedTrace, Raised, TraceFrame, frame, owned
from shared.contracts import Language

FRAME = re.compile(
    r"^[^\S\n]+(?:\(\w+(?: [^)\s]+)?\) )?(?P<path>[^\s:(]+\.(?:exs?|erl|eex|heex|leex)):(?P<line>\d+): "
    r"(?P<function>\S[^\n]*)$",
    re.MULTILINE,
)
HEAD = re.compile(r"\*\* \((?P<type>[\w.]+)\) ?(?P<message>[^\n]*)")
WRAPS = re.compile(r"^an exception was raised:|^exited in: ")
REPORTED = re.compile(
    r"\bin (?:function|call from) +(?P<function>\S+) \((?P<path>[^\s,()]+\.(?:erl|exs?)), line (?P<line>\d+)\)"
)
EXCEPTION = re.compile(r"\bexception (?P<type>error|exit|throw): (?P<message>[^\n]*)")
TERM = re.compile(
    r"\{(?P<module>'?[\w.]+'?),(?P<name>'?[^\s,{}\[\]]{1,80}'?),[^\n]{0,200}?"
    r"\[\{file,\s*\"(?P<path>[^\"\n]+)\"\},\s*\{line,\s*(?P<line>\d+)\}"
)
REASON = re.compile(r"^[^\S\n]*(?:\*\* )?\{+(?P<type>\w+),", re.MULTILINE)
LAGER = re.compile(
    r"(?:(?P<report>CRASH REPORT)|terminated|crashed)[^\n]{0,200}? with reason: (?P<message>[^\n]{1,300}?)"
    r" in (?P<module>\w+):(?P<name>\w+)/\d+ line (?P<line>\d+)"
)


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the trace of the text, which BEAM prints innermost frame first."""
    for read in (_exception, _report, _term, _logged):
        if raised := read(text):
            language: Language = "erlang" if all(one.path.endswith(".erl") for one in raised.frames) else "elixir"
            return [ParsedTrace(language, owned(raised, "elixir", own_names))]
    return []


def _exception(text: str) -> Raised | None:
    """Read what Elixir prints: of a process that exits, the exception that it exits for is the last one named."""
    matches = list(FRAME.finditer(text))
    if not matches:
        return None
    heads = list(HEAD.finditer(text, 0, matches[0].start()))
    named = [head for head in heads if not head["message"].startswith("an exception was raised")]
    head = next((one for one in named if one["type"] != "EXIT"), None) if named else None
    frames = tuple(_frame(one["path"], one["line"], one["function"]) for one in reversed(matches))
    return Raised(head["type"], head["message"].strip(), frames) if head else Raised(UNKNOWN_TYPE, "", frames)


def _report(text: str) -> Raised | None:
    """Read the crash report of OTP."""
    matches = list(REPORTED.finditer(text))
    head = EXCEPTION.search(text)
    if not matches:
        return None
    frames = tuple(_frame(one["path"], one["line"], one["function"]) for one in reversed(matches))
    return Raised(head["type"], head["message"].strip(), frames) if head else Raised(UNKNOWN_TYPE, "", frames)


def _term(text: str) -> Raised | None:
    """Read a reason that is printed as an Erlang term."""
    matches = list(TERM.finditer(text))
    if not matches:
        return None
    reason = list(REASON.finditer(text, 0, matches[0].start() + 1))
    frames = tuple(_frame(one["path"], one["line"], f"{one['module']}:{one['name']}") for one in reversed(matches))
    return Raised(reason[-1]["type"] if reason else UNKNOWN_TYPE, "", frames)


def _logged(text: str) -> Raised | None:
    """Read a line of lager, which names the place of the fault alone."""
    match = LAGER.search(text)
    if not match:
        return None
    place = _frame(f"{match['module']}.erl", match["line"], f"{match['module']}:{match['name']}")
    return Raised(match["report"] or "exit", match["message"], (place,))


def _frame(path: str, line: str, function: str) -> TraceFrame:
    return frame(path, int(line), function)
