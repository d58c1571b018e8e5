"""
Log templates: lines of one shape become one template with their variable parts as `<*>`.

Our own Drain: a tree of fixed depth by number of tokens and first tokens, then the most similar cluster in the leaf.
Source: He, Zhu, Zheng, Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017.
"""

import re
from dataclasses import dataclass, field

WILDCARD = "<*>"
DEPTH = 5
SIMILARITY = 0.5
MAX_CHILDREN = 100
MAX_TOKENS = 60
READ_CHARS = 400
SERVER_ERROR = "5xx"
# A response status, where the line shows it is one: after the request, in a column, or in a field of that name.
STATUS = (
    r"(?P<prefix>HTTP/\d(?:\.\d)?\"?\s+|\b[Ss]tatus(?:[_ ]?[Cc]ode)?[\"']?\s*[=: ]\s*[\"']?|\| "
    r"|\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S* )(?P<status>5\d\d)(?![\w.])"
)
VARIABLE = re.compile(
    STATUS + r"|\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b"
    r"|(?<![\w.])/(?:[\w.@%+~=-]+/)+[\w.@%+~=-]*(?:\?\S*)?"
    r"|\d+(?:[.,:]\d+)*"
)


@dataclass
class Cluster:
    """One template; `key` is stable for its lifetime."""

    key: int
    tokens: list[str]

    @property
    def template(self) -> str:
        """The template as text."""
        return " ".join(self.tokens)


@dataclass
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict)
    clusters: list[Cluster] = field(default_factory=list)


class Drain:
    """Learns templates line by line."""

    def __init__(self) -> None:
        self._root = _Node()
        self._by_masked_line: dict[str, Cluster] = {}
        self._count = 0

    def add(self, line: str) -> Cluster:
        """Return the cluster of the line: a new one, or one whose differing words become wildcards."""
        masked = VARIABLE.sub(_masked, line[:READ_CHARS])
        if known_cluster := self._by_masked_line.get(masked):
            return known_cluster
        tokens = masked.split()[:MAX_TOKENS] or [""]
        leaf = self._leaf(tokens)
        cluster = max(leaf.clusters, key=lambda candidate: _similarity(candidate.tokens, tokens), default=None)
        if cluster is None or _similarity(cluster.tokens, tokens) < SIMILARITY:
            cluster = Cluster(self._count, tokens)
            self._count += 1
            leaf.clusters.append(cluster)
        else:
            # Both have the same number of words: a leaf holds lines of one length only.
            cluster.tokens = [a if a == b else WILDCARD for a, b in zip(cluster.tokens, tokens, strict=True)]
        self._by_masked_line[masked] = cluster
        return cluster

    def _leaf(self, tokens: list[str]) -> _Node:
        # Server errors stay separate: often only one word in ten differs from other responses.
        failed = SERVER_ERROR if any(SERVER_ERROR in token for token in tokens) else ""
        node = self._root.children.setdefault(f"{len(tokens)}{failed}", _Node())
        for token in tokens[: DEPTH - 2]:
            name = WILDCARD if WILDCARD in token else token
            if name not in node.children and len(node.children) >= MAX_CHILDREN:
                name = WILDCARD
            node = node.children.setdefault(name, _Node())
        return node


def _masked(match: re.Match[str]) -> str:
    return f"{VARIABLE.sub(WILDCARD, match['prefix'])}{SERVER_ERROR}" if match["status"] else WILDCARD


def _similarity(template: list[str], tokens: list[str]) -> float:
    return sum(a == b for a, b in zip(template, tokens, strict=True)) / len(tokens)
