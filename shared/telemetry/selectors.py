"""
What selects a service's lines and series: one label that holds its name, or an operator's template.

A template is a selector whose values hold places for the labels of the alert, `{namespace="$namespace", pod=~"$pod"}`;
`$service` is the service's name. Loki and Prometheus share the language of selectors.
Source: https://grafana.com/docs/loki/latest/query/log_queries/#log-stream-selector
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Annotated

from pydantic import AfterValidator

from shared import json_text
from shared.telemetry.http_reader import LABEL, selector
from shared.text.literals import quoted

_MATCHER = re.compile(rf'\s*({LABEL.strip("^$")})\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*')
_OPPOSITE = {"=": "!=", "=~": "!~"}
_SERVICE = "service"


@dataclass(frozen=True)
class Selector:
    """
    Selectors in the store's language.

    `own` selects the service, `others` the services beside it and `everything` both, in the same namespace, cluster or
    whatever else the template fixes; `label` is the one that names a service, empty where none does.
    """

    own: str
    others: str
    everything: str
    label: str

    @property
    def matchers(self) -> str:
        """The matchers of `own` without their braces."""
        return self.own[1:-1]


@dataclass(frozen=True)
class _Matcher:
    label: str
    operator: str
    value: str

    @property
    def places(self) -> frozenset[str]:
        return frozenset(Template(self.value).get_identifiers())

    @property
    def is_name(self) -> bool:
        """Whether the label's value is the service's name."""
        return self.operator == "=" and self.value in (f"${_SERVICE}", f"${{{_SERVICE}}}")

    def filled(self, values: Mapping[str, str], operator: str = "") -> str:
        if self.operator.endswith("~"):
            values = {name: re.escape(value) for name, value in values.items()}
        value = Template(self.value).safe_substitute(values)
        return f"{self.label}{operator or self.operator}{quoted(value)}"


def _check(text: str) -> str:
    _parsed(text)
    return text


SelectorTemplate = Annotated[str, AfterValidator(_check)]
"""A setting's type: a template with at least one place."""


def by_label(label: str, service_name: str) -> Selector:
    """Return what selects a service by one label; raises Rejected when the name cannot be a label's value."""
    own, some = selector(label, service_name), f'{label}=~".+"'
    # A store wants one matcher that an absent label does not fulfil.
    return Selector(own, f"{{{some}, {label}!={quoted(service_name)}}}", f"{{{some}}}", label)


def by_template(text: str, service_name: str, labels: Mapping[str, str]) -> Selector | None:
    """
    Return the template with the alert's labels in its places, or None when the alert lacks one of them.

    A service is named by the matchers with `$service`, without such by the last one with a place.
    Raises Rejected when a value cannot be a label's.
    """
    matchers = _parsed(text)
    values = {**{name: value for name, value in labels.items() if value}, _SERVICE: service_name}
    if not service_name or any(one.places - values.keys() for one in matchers):
        return None
    naming = [one for one in matchers if _SERVICE in one.places and one.operator in _OPPOSITE]
    naming = naming or [one for one in matchers if one.places and one.operator in _OPPOSITE][-1:]
    place = [one.filled(values) for one in matchers if one not in naming]
    some = [f'{one.label}=~".+"' for one in naming]
    opposite = [one.filled(values, _OPPOSITE[one.operator]) for one in naming]
    return Selector(
        _joined(one.filled(values) for one in matchers),
        _joined([*place, *some, *opposite]),
        _joined([*place, *some]),
        naming[-1].label if naming[-1].is_name else "",
    )


def service_selector(
    label: str, template: str, by_service: Mapping[str, str], service: str, labels: Mapping[str, str]
) -> Selector:
    """Return the service's own template filled, else the common one, else what selects by `label`."""
    text = by_service.get(service) or template
    return (by_template(text, service, labels) if text else None) or by_label(label, service)


def _joined(matchers: Iterable[str]) -> str:
    return "{" + ", ".join(matchers) + "}"


def _parsed(text: str) -> list[_Matcher]:
    """Return the matchers of a template. Raises ValueError that says how to write it."""
    example = (
        'write a selector with places for labels of the alert, for example {namespace="$namespace", app="$service"}'
    )
    inside = text.strip()
    if not (inside.startswith("{") and inside.endswith("}")):
        raise ValueError(example)
    matchers, at, inside = [], 0, inside[1:-1]
    while at < len(inside):
        match = _MATCHER.match(inside, at)
        if match is None or inside[match.end() : match.end() + 1] not in (",", ""):
            raise ValueError(f"cannot read it from {inside[at : at + 40]!r} on; {example}")
        matchers.append(_Matcher(match[1], match[2], _text(match[3])))
        at = match.end() + 1
    if not any(one.places and one.operator in _OPPOSITE for one in matchers):
        raise ValueError(f"it selects the same for every alert; {example}")
    return matchers


def _text(literal: str) -> str:
    try:
        return str(json_text.parsed(literal))
    except ValueError:
        raise ValueError(f"{literal} is no text with JSON's escapes; a backslash is written twice") from None
