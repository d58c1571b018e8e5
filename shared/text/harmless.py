"""
Text that others wrote, made inert: a reader sees all that it holds, and no program that shows it acts on it.

Whoever can write a log line, a commit or a model's answer can write an address, a mention or a mark that hides text.
"""

import re
import unicodedata

from shared.text.plain_text import LIKE_LATIN, UNDRAWN

_HIDDEN = ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp")
_WORD = re.compile(r"\w+")
_ADDRESS = re.compile(r"(?i):([/\\]{2}[^\s/?#\\]*)|(?<![a-z0-9_])(mailto|javascript|data|tel|sms):(?=\S)")
"""Whatever stands before the colon: an address is a link behind letters of other scripts too, without a space."""
_HOST = re.compile(r"(?i)(?<![a-z0-9])www\.(?=\w)")
_MAILBOX = re.compile(r"(?<=[\w.+-])@(?=\w[\w-]*\.\w)")
_ISSUE = re.compile(r"(?i)#(?=\d)|(?<![a-z0-9])GH-(?=\d)|!(?=\d)")
_MENTION = re.compile(r"@(?=[\w/])")
_BRACKETS = re.compile(r"\[([^\[\]\n]*)\]")
_SKIPS = re.compile(r"(?i)(?<![a-z0-9_])(?:skip|no)(?![a-z0-9_])")


def visible(text: str) -> str:
    """Return the text with every mark that is hidden, reorders text or ends a line unseen written as its code."""
    if text.isascii() and text.isprintable():
        return text
    pairs = zip(f" {text}", text, strict=False)
    return "".join(_code_of(char) if _is_hidden(char, before) else char for before, char in pairs)


def unmistakable(text: str) -> str:
    """Return code as `visible` does, and with the code of each letter that looks as if its word were all Latin."""
    return visible(text if text.isascii() else _WORD.sub(_without_look_alikes, text))


def one_line(text: str) -> str:
    """Return the text in one line, all of it visible."""
    return visible(" ".join(text.split()))


def defanged(text: str) -> str:
    """
    Return the text with addresses written so that no program makes a link of them: `https[:]//evil[.]example`.

    Names with dots stay as they are: classes, modules and files look the same.
    """
    if ":" not in text and "@" not in text and "." not in text:
        return text
    return _MAILBOX.sub("[@]", _HOST.sub("www[.]", _ADDRESS.sub(_dead, text)))


def unclosing(text: str) -> str:
    """
    Return the text for a code block of a pull request, whose body may become a commit: no issue is closed, no check
    skipped.

    Source: https://docs.github.com/en/issues/tracking-your-work-with-issues/linking-a-pull-request-to-an-issue,
    https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
    """
    return _ISSUE.sub(r"\g<0> ", _BRACKETS.sub(_unskipping, defanged(visible(text))))


def unreferring(text: str) -> str:
    """Return the text, in one line, for a commit or a title: like `unclosing`, and it mentions nobody."""
    return _MENTION.sub("@ ", unclosing(" ".join(text.split())))


def _dead(match: re.Match[str]) -> str:
    return f"{match[2]}[:]" if match[2] else f"[:]{match[1].replace('.', '[.]')}"


def _unskipping(match: re.Match[str]) -> str:
    return f"({match[1]})" if _SKIPS.search(match[1]) else match[0]


def _without_look_alikes(match: re.Match[str]) -> str:
    word = match[0]
    if not re.search(r"[A-Za-z]", word):
        return word
    return "".join(_code_of(char) if ord(char) in LIKE_LATIN else char for char in word)


def _code_of(char: str) -> str:
    return f"\u27e8U+{ord(char):04X}\u27e9"


def _is_hidden(char: str, before: str) -> bool:
    if char in "\ufe0e\ufe0f":
        # One behind a symbol chooses its picture: that is how a coloured sign is written.
        return unicodedata.category(before) != "So"
    is_undrawn = unicodedata.category(char) in _HIDDEN or char == "\u2800" or UNDRAWN.match(char) is not None
    return is_undrawn and char not in "\n\t"
