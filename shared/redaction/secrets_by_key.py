"""Secrets known only by the name before them: `password=…`, `"apiKey": "…"`, `<secret>…</secret>`."""

import re
from collections.abc import Iterator

from shared.redaction import checks

_ALWAYS = (
    r"pass[_-]?(?:word|phrase|code)|passwd|passwrd|(?<![a-z])pwd|(?:db|smtp|mail|user|redis|mysql|pg|ldap|admin|root)"
    r"[_-]?pass|mysql_pwd|client[ _-]?secret|app[_-]?secret|secret[_-]?access[_-]?key|aws_session_token|account[_-]?key"
    r"|shared[_-]?access[_-]?key|private[_-]?key|(?:x[_-])?api[ _-]?key|application[_-]?key|app[_-]key|cvv2?|cvc"
)
_WHEN_RANDOM = (
    r"secret(?:[_-]?key(?:[_-][a-z0-9_]{1,20})?)?|token|access[ _-]?key"
    r"|(?:sign(?:ing|ature)?|encrypt(?:ion)?|master|auth|session|license|storage"
    r"|webhook)[_-]?key|credentials?|authorization|jsessionid|phpsessid|asp\.net_sessionid|connect\.sid|sessionid"
    r"|(?:client|user|admin)[_-]?auth|(?:csrf|xsrf)[_-]?(?:value|cookie)|otp|webhook[_-]?url"
)
HINTS = (
    *("pass", "pwd", "secret", "token", "key", "cvv", "cvc", "credential", "authorization", "sessi", "connect.sid"),
    *("auth", "otp", "csrf", "xsrf", "webhook"),
)
"""Where none of these occurs (in lower case), no such name occurs."""

_NAME = re.compile(
    rf"(?:(?P<always>{_ALWAYS})|(?P<random>{_WHEN_RANDOM}))"
    r"(?P<after>\\{0,3}[\"'])?(?P<sep>\s{0,3}(?:=>|:=|[:=])\s{0,3}|>)(?P<open>\\{0,3}[\"'`])?",
    re.IGNORECASE,
)
_WHOLE_NAME = re.compile(
    rf"(?:.*[^a-z])?(?:(?P<always>{_ALWAYS})|(?P<random>{_WHEN_RANDOM}))", re.IGNORECASE | re.DOTALL
)
_BARE = re.compile(r"""(?:[^\s&;,"'`<>)}\]\\]|,(?!\s|[\w.-]{1,40}[=:])|[)}\]](?![\s,;.)}\]"'\\]|$))*+""")
_ELEMENT = re.compile(r"[^<>\r\n]*+")
_QUOTED = {quote: re.compile(rf"(?:[^{quote}\\\r\n]|\\.)*+") for quote in "\"'`"}
_NO_SECRET = re.compile(
    r"""(?:null|none|nil|true|false|yes|no|undefined|empty|unset|redacted|masked|hidden|filtered|secret|required|missing"""
    r"""|invalid|incorrect|wrong|expired|not|is|must|str|string|bytes|text|varchar\S*|option\S*|secretstr|char\S*"""
    r"""|[*x•.#?-]{3,}|[$%{<\[(].*|\**|\[cut:.*|0x[0-9a-f]{1,4}|/[\w/.-]*)""",
    re.IGNORECASE | re.DOTALL,
)
_CODE = re.compile(
    r"(?i)(?=.*(?:pass|secret|token|key|cred|env|config|conf|settings|opts|options|args|param|getenv|self|this|request|req))"
    r"[a-z_$@][\w$]*(?:(?:\.|::|->|\?\.)[a-z_$][\w$]*)*[?!]?"
)
_MAX_NAME_CHARS = 8192
_MAX_WORD = 256
"""A longer value is never ordinary, so it is never read twice."""


def redact_values(text: str) -> str:
    """Return `text` with the values after names of secrets replaced by `[cut: <kind>]`."""
    pieces, done = [], 0
    for start, end, kind in _secret_values(text):
        pieces += [text[done:start], f"[cut: {kind}]"]
        done = end
    return "".join([*pieces, text[done:]])


def redact_value(name: str, value: object) -> object:
    """
    Return the value of a JSON field, redacted whole when it is a text and its name is a secret's.

    A placeholder in the value does not excuse the rest of it: a log line can bring one along.
    """
    if not isinstance(value, str) or not (rest := checks.without_placeholders(value)):
        return value
    match = _WHOLE_NAME.fullmatch(name)
    if match is None or is_ordinary(rest) or not (match["always"] or checks.looks_random(rest)):
        return value
    return f"[cut: {_kind(match)}]"


def _secret_values(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield start, end and kind of each secret value, left to right."""
    position = 0
    while name := _NAME.search(text, position):
        start = name.end()
        end = _end_of_value(text, start, name)
        # A value that is not a secret may hold the next name, as in `token: password=x`.
        position = start
        if _is_secret(text, name, text[start:end], end):
            yield start, end, _kind(name)
            position = end


def _end_of_value(text: str, start: int, name: re.Match[str]) -> int:
    quote = name["open"]
    if quote is None:
        value = (_ELEMENT if name["sep"] == ">" else _BARE).match(text, start, start + _MAX_NAME_CHARS)
    elif len(quote) == 1:
        value = _QUOTED[quote].match(text, start, start + _MAX_NAME_CHARS)
    else:
        end = text.find(quote, start, start + _MAX_NAME_CHARS)
        return end if end >= 0 else min(len(text), start + _MAX_NAME_CHARS)
    return value.end() if value else start


def _is_secret(text: str, name: re.Match[str], value: str, end: int) -> bool:
    if len(value) > _MAX_WORD:
        return True
    if not value or is_ordinary(value):
        return False
    if name["sep"] == ">" and not text.startswith("</", end):
        return False
    if name["open"] is None and _is_prose_or_code(text, name, value, end):
        return False
    return bool(name["always"]) or checks.looks_random(value)


def is_ordinary(value: str) -> bool:
    """Whether the value is a placeholder, a template variable or a word about the state of a secret."""
    return _NO_SECRET.fullmatch(value.strip()) is not None


def _is_prose_or_code(text: str, name: re.Match[str], value: str, end: int) -> bool:
    """Whether a bare word starts a sentence (`password: must be long`) or is an expression (`token = get_token()`)."""
    is_sentence = (
        ":" in name["sep"] and value.isalpha() and value.islower() and text[end : end + 2].strip(" ").isalpha()
    )
    is_expression = text[end : end + 1] in ("(", "[") or "(" in value or _CODE.fullmatch(value) is not None
    return (is_sentence and text[end : end + 1] == " ") or (is_expression and not any(char.isdigit() for char in value))


def _kind(name: re.Match[str]) -> str:
    secret_name = (name["always"] or name["random"]).lower()
    return next((kind for hint, kind in _KINDS.items() if hint in secret_name), "secret")


_KINDS = {
    "aws": "aws session token",
    "account": "azure key",
    "shared": "azure key",
    "private": "private key",
    "cv": "card code",
    "pass": "password",
    "pwd": "password",
    "key": "key",
    "token": "token",
    "sess": "session",
    "sid": "session",
}
