"""
Read YAML or JSON as Workflows does: plain values, maps with line numbers, no duplicate keys.

PyYAML follows YAML 1.1, where `on`, `1:30` and `2024-01-01` are not strings; Workflows has only the types of its page
"Data types", so the scalars are resolved here.
"""

from __future__ import annotations

import re

import yaml

from infra.local.engine.language import limits
from infra.local.engine.language.errors import DefinitionRejected
from infra.local.engine.language.values import Value


class LocatedMap(dict[str, Value]):
    """A map of the source and its first line, counted from 1."""

    line = 0


def read(text: str) -> Value:
    """
    Return the document of a source.

    Raises DefinitionRejected when it is too long, not YAML, several documents, or has a duplicate key.
    """
    size_bytes = len(text.encode("utf-8"))
    if size_bytes > limits.SOURCE_BYTES:
        raise DefinitionRejected(f"the source has {size_bytes} bytes, at most {limits.SOURCE_BYTES} are allowed")
    try:
        node = yaml.compose(_json_indentation(text), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
        raise DefinitionRejected(f"the source is not YAML: {error}", mark.line + 1 if mark else 0) from error
    if node is None:
        raise DefinitionRejected("the source is empty")
    return _Converter().convert(node)


def _json_indentation(text: str) -> str:
    # JSON allows tab indentation, YAML does not; a JSON string cannot contain a raw tab.
    return text.replace("\t", " ") if text.lstrip()[:1] in {"{", "["} else text


class _Converter:
    """Converts nodes to values; an alias is converted at each use, unless it contains itself."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._count = 0

    def convert(self, node: yaml.Node) -> Value:
        """Return the value of a node."""
        self._count += 1
        # Nested aliases can expand a short text without limit; no source needs that many values.
        if id(node) in self._open or self._count > limits.SOURCE_BYTES:
            raise DefinitionRejected(f"line {_line(node)}: an alias contains itself or expands too much", _line(node))
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        self._open.add(id(node))
        value = self._sequence(node) if isinstance(node, yaml.SequenceNode) else self._mapping(node)
        self._open.discard(id(node))
        return value

    def _sequence(self, node: yaml.SequenceNode) -> Value:
        return [self.convert(item) for item in node.value]

    def _mapping(self, node: yaml.Node) -> Value:
        located = LocatedMap()
        located.line = _line(node)
        merged: list[Value] = []
        for key_node, value_node in node.value:
            key = _key(key_node)
            if key == "<<" and key_node.style is None:
                merged.append(self.convert(value_node))
                continue
            if key in located:
                raise DefinitionRejected(f"line {_line(key_node)}: duplicate key {key!r} in one map", _line(key_node))
            located[key] = self.convert(value_node)
        for other in merged:
            for base in other if isinstance(other, list) else [other]:
                if not isinstance(base, dict):
                    raise DefinitionRejected(f"line {_line(node)}: only a map can be merged by '<<'", _line(node))
                located.update({k: v for k, v in base.items() if k not in located})
        return located


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise DefinitionRejected(f"line {_line(node)}: a key must be text", _line(node))
    return str(node.value)


_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?\d+")
_BASED_INTEGER = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_DOUBLE = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?")


def _scalar(node: yaml.ScalarNode) -> Value:
    text: str = node.value
    if node.style is not None:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return _number(text)


def _number(text: str) -> Value:
    if _BASED_INTEGER.fullmatch(text):
        return int(text, 0)
    if _INTEGER.fullmatch(text):
        number = int(text)
        return number if limits.INTEGER_MIN <= number <= limits.INTEGER_MAX else float(text)
    return float(text) if _DOUBLE.fullmatch(text) else text
