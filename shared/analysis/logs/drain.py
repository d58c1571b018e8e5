"""
Log templates: lines of one shape become one template with their variable parts as `<*>`.

Our own Drain: a tree of fixed depth by number of tokens and first tokens, then the most similar shape in the leaf. What
varies in a shape is a value or, where only few words alternate, makes events different.
Source: He, Zhu, Zheng, Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017.
"""

import re
from dataclasses import dataclass, field
from operator import eq

from shared.analysis.logs.masking import SERVER_ERROR, WILDCARD, join_values, mask_field, masker

DEPTH = 5
SIMILARITY = 0.6
MAX_CHILDREN = 100
MAX_MASKED_LINES = 20_000
"""Lines whose cluster is found without comparing."""
WORD = re.compile(r"[^\w<*>]*[A-Za-z]+(?:['_-][A-Za-z]+)*[^\w<*>]*")
"""A token that is one plain word, punctuation around it included: by such words the tree branches."""
NAMING = re.compile(r"[^\d<*>]*[A-Za-z][^\d<*>]*|[^\w<*>]*[A-Za-z]+<\*>[^\w<*>]*")
"""
A token without digits, or a plain word and its number (eth0, SOCKS5).

Where lines differ in such tokens they may be different events; any other token is a value.
"""
MAX_WORDS = 4
"""Words at one place of a shape that still mean different events; of more, the place holds a name."""
MAX_EVENTS = 40
"""Events of one shape, for the time and memory of lines that vary in many places."""
MAX_SHAPES = 50
"""Shapes in one leaf that a line is compared with, those seen last: the work for a line has a bound."""


@dataclass(eq=False)
class Cluster:
    """
    One template; `key` is stable for its lifetime.

    Clusters can turn out to be one, when a word in them turns out to be a name: `root` is what they became.
    """

    key: int
    tokens: list[str]
    _became: "Cluster | None" = None

    @property
    def template(self) -> str:
        """The template as text."""
        return " ".join(self.root.tokens)

    @property
    def root(self) -> "Cluster":
        """The cluster that this one is part of now, usually itself."""
        cluster = self
        while cluster._became is not None:
            cluster = cluster._became
        return cluster

    def become(self, other: "Cluster") -> None:
        """Make this cluster a part of another."""
        self._became = other


@dataclass(eq=False)
class _Shape:
    """
    Lines of one length that are alike.

    `tokens` has wildcards where they differ, `words` the words there, `fields` the tokens with the values of fields
    masked: by these it is compared.
    """

    tokens: list[str]
    fields: list[str]
    words: dict[int, set[str]] = field(default_factory=dict)
    events: dict[tuple[str, ...], Cluster] = field(default_factory=dict)

    def event(self, tokens: list[str]) -> tuple[str, ...]:
        """Return what distinguishes the line's event from others of this shape: its words where words vary."""
        event = list(self.tokens)
        for index in self.words:
            event[index] = tokens[index]
        return tuple(event)

    def take(self, tokens: list[str], fields: list[str]) -> None:
        """Widen the shape so that it holds the line."""
        differing = [index for index, token in enumerate(tokens) if self.tokens[index] != token or index in self.words]
        is_wider = False
        for index in differing:
            is_wider = self._widen(index, tokens[index], fields[index]) or is_wider
        while len(self.events) > MAX_EVENTS and self.words:
            is_wider = True
            del self.words[max(self.words, key=lambda index: (len(self.words[index]), index))]
        if is_wider:
            self._regroup()

    def _widen(self, index: int, token: str, masked_field: str) -> bool:
        """Let a place hold another token; return whether events that differ only there may have become one."""
        if (words := self.words.get(index)) is not None:
            words.add(token)
            if len(words) <= MAX_WORDS and NAMING.fullmatch(token):
                return False
            del self.words[index]
            return True
        template = self.tokens[index]
        if self.fields[index] == masked_field:
            self.tokens[index] = masked_field
            return template != masked_field
        if NAMING.fullmatch(template) and NAMING.fullmatch(token):
            self.words[index] = {template, token}
        self.tokens[index] = self.fields[index] = WILDCARD
        return template != WILDCARD

    def _regroup(self) -> None:
        """Join the events that no longer differ."""
        joined: dict[tuple[str, ...], Cluster] = {}
        for cluster in self.events.values():
            cluster.tokens = list(event := self.event(cluster.tokens))
            if (first := joined.setdefault(event, cluster)) is not cluster:
                cluster.become(first)
        self.events = joined


@dataclass
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict)
    shapes: list[_Shape] = field(default_factory=list)
    """Those seen last, the latest at the end."""

    def child(self, name: str) -> "_Node":
        if (node := self.children.get(name)) is None:
            node = self.children[name] = _Node()
        return node


class Drain:
    """Learns templates line by line."""

    def __init__(self) -> None:
        self._root = _Node()
        self._by_masked_line: dict[str, Cluster] = {}
        self._count = 0
        self._mask = masker()
        self.comparisons = 0
        """How often a line was compared with a shape."""

    def add(self, line: str) -> Cluster:
        """Return the cluster of the line: a new one, or one whose differing values become wildcards."""
        masked = self._mask(line)
        if known_cluster := self._by_masked_line.get(masked):
            return known_cluster.root
        tokens = join_values(masked).split(" ")
        fields = [mask_field(token) for token in tokens]
        shape = self._shape(self._leaf(fields), tokens, fields)
        shape.take(tokens, fields)
        event = shape.event(tokens)
        cluster = shape.events.get(event)
        if cluster is None:
            cluster = shape.events[event] = Cluster(self._count, list(event))
            self._count += 1
        if len(self._by_masked_line) < MAX_MASKED_LINES:
            self._by_masked_line[masked] = cluster
        return cluster

    def _shape(self, leaf: _Node, tokens: list[str], fields: list[str]) -> _Shape:
        """Return the most similar shape of the leaf, or a new one; it is the latest then."""
        self.comparisons += len(leaf.shapes)
        best, most_alike = None, -1
        for shape in leaf.shapes:
            alike = sum(map(eq, shape.fields, fields))
            if alike > most_alike:
                best, most_alike = shape, alike
        if best is None or most_alike / len(fields) < SIMILARITY:
            best = _Shape(list(tokens), list(fields))
        else:
            leaf.shapes.remove(best)
        leaf.shapes.append(best)
        if len(leaf.shapes) > MAX_SHAPES:
            del leaf.shapes[0]
        return best

    def _leaf(self, fields: list[str]) -> _Node:
        # Server errors stay separate: often only one word in ten differs from other responses.
        failed = SERVER_ERROR if SERVER_ERROR in " ".join(fields) else ""
        node = self._root.child(f"{len(fields)}{failed}")
        for token in fields[: DEPTH - 2]:
            name = token if WORD.fullmatch(token) else WILDCARD
            if name not in node.children and len(node.children) >= MAX_CHILDREN:
                name = WILDCARD
            node = node.child(name)
        return node
