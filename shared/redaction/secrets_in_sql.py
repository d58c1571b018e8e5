"""Secrets in SQL: in the statements that set a password, and in the values of a column that holds one."""

import re
from collections.abc import Iterator

from shared.redaction import checks
from shared.redaction.patterns import Pattern
from shared.redaction.rules import Secret, Text, after
from shared.redaction.secret_names import SecretName, whole_name

_TEXT = r"n?'(?P<secret>(?:[^'\\\r\n\0]|''|\\[^\r\n\0])*+)"


def is_literal(text: str) -> bool:
    """Whether the text between quotes is no placeholder."""
    return bool(text) and not checks.is_ordinary(text)


STATEMENTS = (
    after(
        "password",
        ("identified",),
        r"identified\s{1,3}(?:with\s{1,3}[\w'\"`]{1,60}\s{1,3})?(?:by|as)(?:\s{1,3}(?:password|values))?"
        rf"\s{{0,3}}\(?\s{{0,3}}{_TEXT}",
        is_literal,
    ),
    after(
        "password",
        ("password",),
        rf"set\s{{1,3}}password\s{{1,3}}(?:for\s[^=\n\0]{{1,100}})?=\s{{0,3}}(?:password\()?{_TEXT}",
        is_literal,
    ),
    after(
        "password",
        ("crypt(", "hashbytes(", "password("),
        r"(?<![a-z_])(?:(?:old_)?password|crypt|hashbytes|pgp_sym_(?:de|en)crypt|aes_(?:de|en)crypt)"
        rf"\((?:[^()'\n\0]{{0,100}},)?\s{{0,3}}{_TEXT}(?=')",
        is_literal,
    ),
    after(
        "password",
        ("identified",),
        r"(?:user|role)\s\S{1,128}\sidentified\s{1,3}by\s{1,3}\"?(?P<secret>[^\s\"';\0]{1,128})",
        is_literal,
    ),
)

_INSERT = Pattern(
    r"(?:insert|replace)\s{1,5}(?:ignore\s{1,5})?into\s{1,5}[^\s(\0]{1,200}+\s{0,5}\((?P<columns>[^()\0]{1,4000}+)\)"
    r"(?:\s{1,5}overriding\s[a-z ]{1,30})?\s{0,5}values?\s{0,5}",
    re.IGNORECASE,
)
_VALUE = Pattern(
    r"\s{0,5}(?:[nebNEB]?'(?P<text>(?:[^'\\\0]|''|\\.)*+)'?|(?P<other>[^,()'\0]*+(?:\([^()\0]*\))?))\s{0,5}(?P<end>[,)]|$)"
)
_BOUND = Pattern(
    r"""(?P<place>\$\d{1,3}|[:@][a-z]\w{0,30})["']?\s{0,3}[=:]\s{0,3}["'](?P<value>[^"'\n\0]{1,500})""", re.IGNORECASE
)
_PLACE = Pattern(r"""["'`\]]?\s{0,3}=\s{0,3}(?:crypt\()?(?P<place>\$\d{1,3}|[:@][a-z]\w{0,30})""", re.IGNORECASE)
MAX_ROWS = 500
"""Of one statement that are read."""


def secrets(text: Text, found_names: list[SecretName]) -> Iterator[Secret]:
    """Yield the values of columns with these names, and those bound to them apart from the statement."""
    if not found_names:
        return
    places = {match["place"].lower(): name for name in found_names if (match := _PLACE.match(text.text, name.end))}
    if "insert" in text.lower or "replace" in text.lower:
        for statement in _INSERT.finditer(text.text):
            yield from _inserted(text.text, statement, places)
    for bound in _BOUND.finditer(text.text) if places else ():
        if (name := places.get(bound["place"].lower())) and not checks.is_ordinary(bound["value"]):
            yield Secret(*bound.span("value"), name.kind)


def _inserted(text: str, statement: re.Match[str], places: dict[str, SecretName]) -> Iterator[Secret]:
    """Yield the values of one statement that stand in a secret's column; note which of them are bound later."""
    columns = [whole_name(column.strip(" \t\r\n`\"'[]")) for column in statement["columns"].split(",")]
    position = statement.end()
    for _ in range(MAX_ROWS if any(columns) else 0):
        if text[position : position + 1] != "(":
            return
        position += 1
        for column in columns:
            value = _VALUE.match(text, position)
            if value is None:
                return
            position = value.end()
            if column and value["text"] and not checks.is_ordinary(value["text"]):
                yield Secret(*value.span("text"), column.kind)
            elif column and value["other"]:
                places[value["other"].strip().lower()] = column
        position += len(re.match(r"\s*,?\s*", text[position : position + 20])[0])  # type: ignore[index]  # matches always
