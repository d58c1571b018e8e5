"""Read a map of the source key by key and reject unknown keys."""

from __future__ import annotations

from infra.local.engine.expressions.lexer import ExpressionRejected
from infra.local.engine.language import templates
from infra.local.engine.language.errors import DefinitionRejected
from infra.local.engine.language.source import LocatedMap
from infra.local.engine.language.templates import Template
from infra.local.engine.language.values import Value, type_name


class Fields:
    """The keys of one map, and its location for error messages."""

    def __init__(self, raw: Value, where: str, line: int = 0, step: str = "") -> None:
        """
        `line` is the map's first line, by default the line in the source; `step` is the step it belongs to.

        Raises DefinitionRejected when `raw` is not a map.
        """
        if not isinstance(raw, dict):
            raise DefinitionRejected(f"{where}: expected a map, found {type_name(raw)}", line)
        self.where = where
        self.step = step
        self.line = line or (raw.line if isinstance(raw, LocatedMap) else 0)
        self._unread: dict[str, Value] = dict(raw)

    def __contains__(self, key: str) -> bool:
        return key in self._unread

    def keys(self) -> frozenset[str]:
        """Return the keys not read yet."""
        return frozenset(self._unread)

    def take(self, key: str) -> Value:
        """Return the value of a key; raises DefinitionRejected when it is missing."""
        if key not in self._unread:
            raise self.refuse(f"{key!r} is missing")
        return self._unread.pop(key)

    def take_list(self, key: str, *, at_least: int = 0, at_most: int | None = None) -> list[Value]:
        """Return the list of a key; raises DefinitionRejected for another type or length."""
        value = self.take(key)
        if not isinstance(value, list):
            raise self.refuse(f"{key!r} must be a list, found {type_name(value)}")
        if len(value) < at_least:
            raise self.refuse(f"{key!r} needs at least {at_least} entries, found {len(value)}")
        if at_most is not None and len(value) > at_most:
            raise self.refuse(f"{key!r} has at most {at_most} entries, found {len(value)}")
        return value

    def take_text(self, key: str) -> str:
        """Return the text of a key; an expression is not allowed."""
        value = self.take(key)
        if not isinstance(value, str) or templates.expression_text(value) is not None:
            raise self.refuse(f"{key!r} must be a name, found {value!r}")
        return value

    def take_optional_text(self, key: str) -> str | None:
        """Return the text of a key, or None when the key is absent."""
        return self.take_text(key) if key in self._unread else None

    def take_template(self, key: str) -> Template:
        """Return the compiled value of a key."""
        return self.compile(self.take(key))

    def take_optional_template(self, key: str) -> Template | None:
        """Return the compiled value of a key, or None when the key is absent."""
        return self.take_template(key) if key in self._unread else None

    def compile(self, raw: Value) -> Template:
        """Compile a value of this map; raises DefinitionRejected when an expression in it is invalid."""
        try:
            return templates.compile_value(raw)
        except ExpressionRejected as error:
            raise self.refuse(f"invalid expression: {error}") from error

    def finish(self) -> None:
        """Raise DefinitionRejected when a key was not read."""
        if self._unread:
            names = ", ".join(repr(key) for key in sorted(self._unread))
            raise self.refuse(f"unknown or misplaced key {names}")

    def refuse(self, message: str) -> DefinitionRejected:
        """Return the error with the location of this map."""
        return DefinitionRejected(f"{self.where}: {message}", self.line)


def single_entry(raw: Value, where: str, what: str) -> tuple[str, Value, int]:
    """Return key, value and line of a map that has exactly one key, as steps and assignments have."""
    line = raw.line if isinstance(raw, LocatedMap) else 0
    if not isinstance(raw, dict) or len(raw) != 1:
        raise DefinitionRejected(f"{where}: {what} must be a map with exactly one key, found {_describe(raw)}", line)
    ((key, value),) = raw.items()
    return key, value, line


def _describe(raw: Value) -> str:
    return f"the keys {sorted(raw)}" if isinstance(raw, dict) else repr(raw)
