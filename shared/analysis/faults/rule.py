"""One kind of fault and how its wording is recognised."""

import re
from dataclasses import dataclass
from typing import Literal

from shared.contracts import IncidentType

Kind = Literal["dependency", "resource", "config", "crash"]


@dataclass(frozen=True)
class FaultRule:
    """One kind of fault: how it is recognised, its name, and the incident type it implies."""

    kind: Kind
    name: str
    pattern: re.Pattern[str]
    incident_type: IncidentType
    steps: tuple[str, ...] = ()
    """What to do about this fault, where that differs from what its kind asks for."""
    action: str = ""
    """What ends the lack of a resource, with a place for the service."""


def errno(name: str) -> str:
    """Return the pattern of an errno's name: in capitals and alone, as `HandleAccessor` holds EACCES too."""
    return rf"(?-i:\b{name}\b)"


def complaint(words: str) -> str:
    """
    Return the pattern of words that are a fault only as a statement of their own.

    Prose holds them too: "saved permission denied page". As the reason of an error they begin a text or follow a mark,
    a level or a word for failing, and they end there or go on with a mark or with what it was about.
    """
    before = r"(?:^|[^\w\s]\s*|\b(?:error|fatal|critical|severe|warn(?:ing)?|with|was|got|is|failed|40[13])\s+)"
    return rf"(?:{before}(?:{words})(?=\s*(?:$|[^\w\s])|\s+(?:for|to|on|by|when|while|in|at|from|due)\b))"


def rule(
    kind: Kind,
    name: str,
    incident_type: IncidentType,
    *alternatives: str,
    steps: tuple[str, ...] = (),
    action: str = "",
) -> FaultRule:
    """Return the rule of a fault that any of the patterns shows."""
    pattern = re.compile("|".join(alternatives), re.IGNORECASE | re.MULTILINE)
    return FaultRule(kind, name, pattern, incident_type, steps, action)
