"""Attacks by text that the product quotes: it must show what it is, and do nothing wherever it is read."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.hostile.world import ONSET, SOURCE, TRACE, Exits, World, world

WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
"""What is written in wide letters is rendered in plain ones."""
TEXTS: Mapping[str, str] = {
    "an address": "see https://evil.example/pay?x=1",
    "an address in wide letters": "https://evil.example/pay".translate(WIDE),
    "an address behind other letters": "見るhttps://evil.example/pay",
    "an address without a scheme": "see www.evil.example/pay",
    "a mailbox": "write to eve@example.org",
    "a link of Markdown": "[runbook](https://evil.example/run)",
    "a link of Slack": "<https://evil.example/run|Runbook>",
    "a link of HTML": '<a href="https://evil.example/run">Runbook</a>',
    "the whole channel": "<!channel> and <@U123>",
    "a mention": "ask @octocat and @octo/admins",
    "an issue": "fixes #12, closes GH-7, closes octo/shop#3",
    "a check": "[skip ci] [ci skip]",
    "reordered text": "open \u202egpj.exe",
    "hidden text": "pass\u200bword re\u2060set",
    "a terminal's command": "\x1b]0;owned\x07\x1b[2J",
}
ACTS = {
    "mail": re.compile(r"(?i)https?://evil|www\.evil|eve@example|[\u202a-\u202e\u2066-\u2069\u200b\u2060\x1b\x07]"),
    "hook": re.compile(r"(?i)https?://evil[^\"]*\"\s*,\s*\"impact|(?<!\\)\\u(?:202e|200b|2060|001b)"),
    "slack": re.compile(
        r"(?i)https?://evil|www\.evil|eve@example|\"mrkdwn\", \"text\": \"[^\"]*<|(?<!\\)\\u(?:202e|200b|2060|001b)"
    ),
    "pagerduty": re.compile(r"(?i)https?://evil|www\.evil|eve@example|(?<!\\)\\u(?:202e|200b|2060|001b)"),
    "teams": re.compile(
        r"(?i)https?://evil|www\.evil|eve@example|\"TextBlock\"|<at>|(?<!\\)\\u(?:202e|200b|2060|001b)"
    ),
    "pulls": re.compile(
        r"(?i)\]\(https?://evil|@octo(?![^`]*`)|#12|GH-7|shop#3|\[skip ci\]|(?<!\\)\\u(?:202e|200b|001b)"
    ),
    "commits": re.compile(r"(?i)https?://evil|@octo|#12|GH-7|shop#3|\[skip ci\]|\[ci skip\]|[\u202e\u200b\u2060\x1b]"),
}
"""What would act, by where it is read."""
CLOSES = re.compile(r"(?i)#12|GH-7|shop#3|\[skip ci\]|\[ci skip\]")
_BLOCK = re.compile(r"```.*?```")
CULPRIT: dict[str, str | None] = {"shop/pricing.py": SOURCE.replace("len(parts)", "max(len(parts), 1)")}
BROKEN: dict[str, str | None] = {"shop/pricing.py": SOURCE}


def names() -> Iterator[tuple[str, str]]:
    """Yield where each text stands, and its name."""
    for place in PLACES:
        for name in TEXTS:
            yield place, name


def play(place: str, name: str, folder: Path, patch: pytest.MonkeyPatch) -> str:
    """Play one incident with the text in its place; return where it acts, if anywhere."""
    text = TEXTS[name]
    # git writes neither a control byte nor a line end into a subject.
    message = text if place == "the subject of the commit" and text.isprintable() else "Change the share"
    with world(folder, patch, commits=[CULPRIT, BROKEN], message=message, metrics="failing") as target:
        PLACES[place](target, text)
        exits = target.run()
        commits = target.run_git("log", "--format=%B", "--all", "--not", "main")
    return _acting(exits, commits, is_named="service" in place)


def _acting(exits: Exits, commits: str, *, is_named: bool) -> str:
    subject = "" if is_named else exits.texts["mail"].partition("\n")[0]
    if "evil" in subject or "eve@" in subject:
        return f"it heads the mail: {subject}"
    texts = {**exits.texts, "commits": commits, "pulls": _BLOCK.sub("", exits.texts["pulls"])}
    for where, acts in ACTS.items():
        if match := acts.search(texts[where]):
            return f"it acts in {where}: {match[0]!r}"
    if match := CLOSES.search(exits.texts["pulls"]):
        return f"it acts in the commit that a pull request's body may become: {match[0]!r}"
    return ""


def _in_a_fatal_line(target: World, text: str) -> None:
    target.log(f"FATAL cannot go on: {text}")


def _alone_in_a_fatal_line(target: World, text: str) -> None:
    target.log(f"FATAL {text}")


def _in_the_name_of_the_service(target: World, text: str) -> None:
    target.alert = target.alert.replace(service_name=text)
    target.count("http_requests_total", 0.2, code="200")
    target.count("http_requests_total", 0.1, ONSET, code="500")
    target.log(f"ERROR basket failed\n{TRACE}")


def _in_an_exception(target: World, text: str) -> None:
    target.log(f"ERROR basket failed\n{TRACE.removesuffix('division by zero')}{text}")


def _in_the_alert(target: World, text: str) -> None:
    target.alert = target.alert.replace(summary=text, alert_name=text[:100])
    target.log(f"ERROR basket failed\n{TRACE}")


def _nearby(target: World, text: str) -> None:
    target.log(f"ERROR basket failed\n{TRACE}", f"ERROR refused by the bank: {text}")


PLACES = {
    "a fatal line": _in_a_fatal_line,
    "a fatal line of its own": _alone_in_a_fatal_line,
    "the name of the service": _in_the_name_of_the_service,
    "an exception": _in_an_exception,
    "a line beside the failure": _nearby,
    "the alert": _in_the_alert,
    "the subject of the commit": _nearby,
}
