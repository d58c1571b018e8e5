"""Attacks on the bill: whoever writes logs or steers a model makes it cost no more than the ceilings say."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import HUGE_CHARS, SCRIPTS, Turn, agreeable, calling, text_turn
from tests.hostile.world import TRACE, Exits, Script, World, world

CALLS = 6 * 5
"""Six steps ask a model, each for at most three rounds of tools, an answer and one more try."""
TOKENS, DOLLARS = 300_000, 1.0
"""The ceilings of an incident."""
CHARS_PER_TOKEN = 4
Write = Callable[[World], None]


def _own(target: World) -> None:
    target.log(f"ERROR basket failed\n{TRACE}")


def _distinct(target: World) -> None:
    """Write thousands of lines of which no two have a word in common."""
    words = ("qu", "va", "zo", "ke", "mi", "tu")
    lines = [(570 + n * 0.08, f"ERROR {words[n % 6]}{n:x}{words[n % 5]} {n * 7919:x} failed") for n in range(4_000)]
    target.write(lines)


def _long(target: World) -> None:
    """Write lines that are as long as a logger lets them be."""
    target.log(f"ERROR basket failed {'{n}x ' * 30_000}", times=40)


def _many_traces(target: World) -> None:
    """Let every failure be of a class of its own."""
    texts = [TRACE.replace("ZeroDivisionError", f"Error{n:03}").replace("share", f"share_{n}") for n in range(400)]
    target.write([(570 + n * 0.8, f"ERROR basket failed\n{text}") for n, text in enumerate(texts)])


def _deep_trace(target: World) -> None:
    frame = '  File "/app/shop/pricing.py", line 6, in share\n    return total / len(parts)\n'
    target.log(f"ERROR basket failed\n{TRACE.partition(frame)[0]}{frame * 2_000}ZeroDivisionError: division by zero")


def _many_labels(target: World) -> None:
    labels = {f"label_{n}": f"value-{n}-" + "x" * 500 for n in range(300)}
    target.alert = target.alert.replace(labels=dict(list(labels.items())[:64]), summary="x" * 2_000)
    target.write([(570 + n * 20.0, f"ERROR basket failed\n{TRACE}") for n in range(12)], **labels)


def _deep_json(target: World) -> None:
    text = json.dumps({"message": "basket failed", "level": "error", "more": "[" * 500 + "]" * 500})
    target.log(f"{text}\n{TRACE}")


LOGS: Mapping[str, Write] = {
    "thousands of different lines": _distinct,
    "long lines": _long,
    "hundreds of different traces": _many_traces,
    "a trace of thousands of frames": _deep_trace,
    "many long labels": _many_labels,
    "deep JSON": _deep_json,
}


def _reading_on(request: ModelRequest) -> Turn:
    """Ask for as many things as a turn may, in every turn."""
    if not request.may_call:
        return agreeable(request)
    return calling(
        *[(name, {"path": "shop/pricing.py", "words": ["e"], "sha": "0" * 40}) for name in request.tools * 8]
    )


def _never_valid(_: ModelRequest) -> Turn:
    return text_turn('{"root_causes": "none"}')


def _long_text(_: ModelRequest) -> Turn:
    return text_turn("x" * HUGE_CHARS)


MODELS: Mapping[str, Script] = {
    "it calls tools for ever": SCRIPTS["endless_tools"],
    "it calls tools that do not exist": SCRIPTS["lacking_tools"],
    "it calls each tool eight times a turn": _reading_on,
    "it never answers what was asked": _never_valid,
    "it answers ten million characters": _long_text,
    "it fills every field": SCRIPTS["huge"],
}
CEILINGS: Mapping[str, dict[str, str]] = {
    "no dollar for an incident": {"MODEL_MAX_COST_USD_PER_INCIDENT": "0"},
    "no dollar for a day": {"MODEL_MAX_COST_USD_PER_DAY": "0"},
    "few tokens": {"MODEL_MAX_TOKENS_PER_INCIDENT": "2000"},
}
LOG, MODEL, CEILING = "log lines make prompts dear", "a model asks without an end", "a ceiling is reached"


def tries() -> Iterator[tuple[str, str]]:
    """Yield class and name of each try."""
    yield from ((LOG, name) for name in LOGS)
    yield from ((MODEL, name) for name in MODELS)
    yield from ((CEILING, name) for name in CEILINGS)


def play(kind: str, name: str, folder: Path, patch: pytest.MonkeyPatch) -> str:
    """Play one incident; return which ceiling was passed, or that nobody was notified of the incident."""
    script = MODELS.get(name, agreeable)
    with world(folder, patch, script=script, settings=CEILINGS.get(name), metrics="failing") as target:
        LOGS.get(name, _own)(target)
        exits = target.run()
        gemini = target.gemini
    assert gemini is not None
    chars = sum(request.chars for request in gemini.model_requests)
    calls = gemini.calls
    most = TOKENS if kind != CEILING else 0 if "dollar" in name else 20_000
    if calls > CALLS or chars / CHARS_PER_TOKEN > most:
        return f"{calls} calls, {chars} characters"
    return _unreported(exits)


def _unreported(exits: Exits) -> str:
    outcome = exits.answers["outcome"]
    if outcome.kind not in ("full", "degraded") or not exits.texts["mail"]:
        return f"the outcome is {outcome.kind}"
    return ""
