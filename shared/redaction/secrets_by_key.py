"""Secrets known by the name before them: `password=…`, `"apiKey": "…"`, `<secret>…</secret>`, dumps of objects."""

import re
from collections.abc import Iterator

from shared.redaction import checks
from shared.redaction.decoded_views import FILLER
from shared.redaction.patterns import Pattern
from shared.redaction.rules import Secret, Text, filled
from shared.redaction.secret_names import SecretName, whole_name

_GAP = r"[^\S\n]{0,40}"
_CLOSE = r"""(?P<close>["'`]?(?::(?:protected|private|public|"[\w\\]{1,80}":private))?\]|["'`*]{1,2}|\)(?==\())?"""
_SEPARATOR = Pattern(
    rf"{_CLOSE}{_GAP}(?P<sep>(?:=>\s{{0,20}}|(?:===?|:=|=|:{{1,2}}(?!=)|\?=){_GAP}"
    r"|\.{5,80}(?=[^\s.])|(?<=\s)->[^\S\n]{1,4})(?:[|>][+-]?[^\S\n]{0,4}\n\s{1,20})?(?:\n[^\S\n]{1,20}(?=[\"']))?)"
)
"""What stands between a name and its value; a line ends there in PHP's dumps and before a block of YAML."""
_ELEMENT = Pattern(r"(?:\s[^<>\n\0]{0,200})?>(?P<value>[^<>\n\0]{1,1000})</")
_CELL = Pattern(
    r"\s{0,8}(?:</[a-z0-9]{1,12}>\s{0,20}){1,3}(?:<[a-z][^<>\0]{0,100}>\s{0,20}){1,3}[\"']?(?P<value>[^<>\n\0\"']{1,500})"
)
_PAIR = Pattern(
    r"""(?:["'`]|(?<=[{(]password)|(?<=[{(]token)|(?<=[{(]secret))\s{0,3},\s{0,3}[bu@&]?["'`<]{1,2}(?P<value>[^"'`\n\0>]{1,500})"""
)
_FIELD = Pattern(
    r"""["'`]?[\s,;]{1,40}["'`]?(?:(?:string_?|plain_?)?val(?:ue)?["'`]?\s{0,3}[:=]\s{0,3}"""
    r"""|--(?:body|value|data|literal)[\s=]{1,3})(?:["'`](?P<quoted>[^"'`\n\0]{1,1000})"""
    r"""|(?P<bare>[^\s"'`,;{}\[\]<>]{1,1000}))""",
    re.IGNORECASE,
)
_FORM_PART = Pattern(r"""["']?\r?\n(?:[A-Za-z-]{1,40}:[^\n\0]{0,100}\n){0,3}\r?\n(?P<value>[^\r\n\0]{1,1000})\r?\n--""")
_TABLE = Pattern(r"[^\S\n]{0,30}[|\u2502\t][^\S\n]{0,30}(?P<value>[^\s|\u2502\0]{4,256})(?![^|\u2502\n\0]*\()")

_OPEN = Pattern(
    r"""(?:\{\s{0,8}["']?(?:value|val|content|text|plain)["']?\s{0,3}[:=]\s{0,3}|\[\](?:string|byte)[{(]"""
    r"""|(?:string|str|text|bytes|varchar|bstr|nvarchar)(?:\(\d{1,6}\)|:\d{1,6}:)[ ]?|\((?:\*?string|str|text)\)[ ]?"""
    r"""|\(?(?:(?:some|just|ok|present|secretstr|secret|string|str|bytes|bytearray|text|literal|optional(?:\.of)?"""
    r"""|new\ string|b64decode|base64\.b64decode|new\ secret|fernet|lit|sensitive)[ ]?[(\[]|just[ ]|[@&]|<<|[(\[]))?"""
    r"""(?:[burfnlBURFNL]{1,2}(?=["']))?(?P<quote>\"\"\"|'''|["'`\u2018\u201c])?""",
    re.IGNORECASE,
)
_QUOTED = {quote: Pattern(rf"(?:[^{quote}\\\r\n\0]|\\[^\r\n\0])*+") for quote in "\"'`"}
_QUOTED |= {"\u2018": Pattern("[^\u2019\n\0]*+"), "\u201c": Pattern("[^\u201d\n\0]*+")}
_BARE = Pattern(
    r"""(?:[^\s&;,"'`<>)}\]\\\0]|&(?![\w.%-]{1,40}=|amp;)|<(?![/A-Za-z!?])|>(?=\S)"""
    r"""|,(?!\s|[\w.-]{1,40}[=:])|[)}\]](?![\s,;.)}\]"'\\\0]|$))*+"""
)
_TO_END_OF_LINE = Pattern(r"[^\n\0]*+")
_DUMPED_BYTES = Pattern(
    r"<Buffer (?P<hex>[0-9a-f ]{8,}+)|\[(?P<numbers>\d{1,3}(?:,? \d{1,3}){5,}+)\]|\[(?P<byte>\d{1,3}u8)"
)
_CALL = Pattern(r"""\(\s?(?:[a-z_]{1,20}\s?=\s?)?[burBUR@]?["'`](?P<value>[^"'`\n\0]{1,1000})["'`]""")
_NEW_VALUE = Pattern(r"""["']\s{1,3}(?:->|=>|to)\s{1,3}["'](?P<value>[^"'\n\0]{1,500})""")
_CODE = Pattern(
    r"(?i)(?=.*(?:pass|pwd|secret|token|key|cred|env|conf|settings|opts|options|args|param|this|self|req|auth|user|input))"
    r"(?=.*(?:[._]|::|->|(?-i:[a-z][A-Z])))[a-z_$@][\w$]*(?:(?:\.|::|->|\?\.)[a-z_$][\w$]*)*[?!]?"
)
_TYPE = Pattern(r"[A-Z]\w*(?:\.\w+)*\[[A-Za-z_][\w, .|]*\]|_?[A-Z][a-z]+(?:[A-Z][A-Za-z]+)+[,;)\s]")
_STARTS_SENTENCE = Pattern(r" [A-Za-z0-9(]+(?![A-Za-z0-9]*[:=])")
_MAX_VALUE_CHARS = 8192
_MAX_WORD = 256
"""A longer value without a space is never ordinary, so it is never read twice."""


def secrets(text: Text, found_names: list[SecretName]) -> Iterator[Secret]:
    """Yield the values that follow these names, left to right; a name inside a secret is not looked at."""
    done = 0
    for name in found_names:
        if name.start < done:
            continue
        for start, end in _values(text.text, name):
            yield Secret(start, end, name.kind)
            done = max(done, end)


def redact_value(name: str, value: object) -> object:
    """
    Return the value of a JSON field, redacted whole when it is a text or a number and its name is a secret's.

    A placeholder in the value does not excuse the rest of it: a log line can bring one along.
    """
    if isinstance(value, list):
        return [redact_value(name, item) for item in value]
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    secret_name = whole_name(name)
    if secret_name is None or not _is_secret(filled(str(value)), secret_name):
        return value
    return f"[cut: {secret_name.kind}]"


def _values(text: str, name: SecretName) -> Iterator[tuple[int, int]]:
    """Yield start and end of each value that follows the name, in whatever way it does."""
    if separator := _SEPARATOR.match(text, name.end):
        yield from _assigned(text, name, separator)
        return
    for shape in (_FIELD, _PAIR, _ELEMENT, _CELL, _FORM_PART, _CALL, _TABLE):
        if (match := shape.match(text, name.end)) and (group := match.lastgroup):
            value = match[group].rstrip()
            is_loose = shape in (_PAIR, _CELL, _CALL, _TABLE)
            if _is_secret(value, name) and (not is_loose or checks.is_mixed(value)):
                yield match.start(group), match.start(group) + len(value)
            return


def _assigned(text: str, name: SecretName, separator: re.Match[str]) -> Iterator[tuple[int, int]]:
    start = separator.end()
    if separator["sep"] == ":" == text[name.start - 1 : name.start] and not name.is_sure:
        return  # a part of a resource's name: `arn:…:secret:shop/db`
    if dumped := _DUMPED_BYTES.match(text, start):
        yield dumped.start(), dumped.end()
        return
    opened = _OPEN.match(text, start)
    quote, start = (opened["quote"], opened.end()) if opened else (None, start)
    end = _end_of_value(text, start, quote, separator)
    value = text[start:end]
    if quote and value.lstrip()[:1] in (":", ","):
        return  # the quote ends a name with a colon in it, as a key of JSON can have
    if _is_secret(value, name) and not (quote is None and _is_prose_or_code(text, separator, value, end)):
        yield start, end
    if quote and (changed := _NEW_VALUE.match(text, end)) and _is_secret(changed["value"], name):
        yield changed.span("value")


def _end_of_value(text: str, start: int, quote: str | None, separator: re.Match[str]) -> int:
    if quote and len(quote) == 3:
        end = text.find(quote, start, start + _MAX_VALUE_CHARS)
        return end if end >= 0 else min(len(text), start + _MAX_VALUE_CHARS)
    shape = _QUOTED[quote] if quote else _BARE
    if quote is None and separator["sep"].startswith("=>") and (separator["close"] or "").endswith("]"):
        shape = _TO_END_OF_LINE
    # What has no space is a secret when it is long, whole: then no name inside it is looked at.
    value = shape.match(text, start) if shape is _BARE else shape.match(text, start, start + _MAX_VALUE_CHARS)
    return value.end() if value else start


def _is_secret(value: str, name: SecretName) -> bool:
    rest = value.replace(FILLER, "").strip()
    if not any(char.isalnum() for char in rest):
        return False
    if len(rest) > _MAX_WORD and not re.search(r"\s", rest):
        return True
    if name.kind == "card code":
        return rest.isdigit()
    if checks.is_ordinary(rest):
        return False
    if name.needs_all:
        return checks.has_all_kinds(rest)
    return name.is_sure or checks.looks_random(rest) or checks.is_basic_credentials(rest)


def _is_prose_or_code(text: str, separator: re.Match[str], value: str, end: int) -> bool:
    """Whether a bare word starts a sentence (`password: must be long`) or is an expression (`token = get_token()`)."""
    if separator["sep"] == ": " and value.isalpha() and _STARTS_SENTENCE.match(text, end):
        return True
    if _TYPE.match(text, end - len(value)):
        return True
    is_expression = (
        text[end : end + 1] in ("(", "[") or "(" in value or value.endswith("[") or _CODE.fullmatch(value) is not None
    )
    return is_expression and not any(char.isdigit() for char in value)
