"""
What an alert measures and when it fires: from the expression in its link, or from Grafana's rule. Pure.

The expression comes from outside, in a webhook: it is bounded, only ever sent as the query of a GET to the configured
Prometheus, and never part of another query.
"""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs, urlsplit

from shared.telemetry.conventions import signs_of
from shared.telemetry.port import (
    CHOSEN_BY_CLIENTS,
    COMPARISONS,
    FAILS,
    FAILURES,
    PLATFORM_FAILURES,
    AlertCondition,
    Comparison,
    Measured,
)

MAX_EXPRESSION = 2000
"""Characters; longer rules exist, and their part would be another rule."""
FLIPPED: Mapping[Comparison, Comparison] = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_TOKEN = re.compile(
    r"""(?P<skip>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|\#[^\n]*)
      | (?P<open>[({\[]) | (?P<close>[)}\]]) | (?P<compare>>=|<=|==|!=|>|<) | (?P<set>\b(?:and|or|unless)\b)""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE)
_RULE_UID = re.compile(r"/alerting/(?:grafana/)?([A-Za-z0-9_-]{1,40})/(?:view|edit)")
_EVALUATORS: Mapping[str, Comparison] = {"gt": ">", "lt": "<", "gte": ">=", "lte": "<=", "eq": "==", "ne": "!="}
_MATH = re.compile(r"\s*\$\{?(\w+)\}?\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*")
_ASIDE = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`|\{[^}]*\}|\[[^\]]*\]")
_LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", re.IGNORECASE)
_MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*=~?\s*"((?:\\.|[^"\\])*)"')
_STATUS = re.compile(r"code|status|outcome", re.IGNORECASE)
"""Labels of the outcome; a path or a route of the same words is the client's."""
_BY_CLIENT = re.compile(r"4\.\.|4\d\d|4xx|client", re.IGNORECASE)
_METRIC = re.compile(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?![\w:]|\s*\()")
_WORDS = frozenset(
    (
        "and",
        "or",
        "unless",
        "bool",
        "offset",
        "by",
        "without",
        "inf",
        "nan",
        "group_left",
        "group_right",
        "start",
        "end",
    )
)
MAX_STEPS = 5
"""Of a Grafana rule, from its condition to the query it rests on."""


def from_generator_url(url: str) -> AlertCondition | None:
    """Return the condition in the link to Prometheus that Alertmanager sends (`/graph?g0.expr=…`), or None."""
    try:
        expressions = parse_qs(urlsplit(url).query).get("g0.expr", [])
    except ValueError:
        return None
    return from_expression(expressions[0]) if expressions else None


def from_expression(text: str) -> AlertCondition | None:
    """
    Return the condition of PromQL that gives a result while it holds.

    A comparison with a number is taken apart, so that the measure can be read while it does not hold too. None when it
    is too long, or when its result does not say whether it holds.
    """
    expression = text.strip()
    if not expression or len(expression) > MAX_EXPRESSION:
        return None
    outer = list(_outer_operators(expression))
    comparisons = [match for match in outer if match["compare"]]
    if len(comparisons) == 1 and len(outer) == 1:
        left, right = expression[: comparisons[0].start()].strip(), expression[comparisons[0].end() :].strip()
        # With `bool` the result is 0 or 1, and there always is one.
        right, is_bool = re.subn(r"^bool\b", "", right)
        comparison = COMPARISONS[comparisons[0]["compare"]]
        if (threshold := _number(right)) is not None and left:
            return AlertCondition(left, comparison, threshold)
        if (threshold := _number(left)) is not None and right and not is_bool:
            return AlertCondition(right.strip(), FLIPPED[comparison], threshold)
    return None if re.search(r"[<>=]\s*bool\b", expression) else AlertCondition(expression)


def measured(expression: str) -> Measured:
    """
    Return whether PromQL measures failures of a service, or something other, by the names of its metrics.

    It is unknown where one of them is of no convention: it may be counted from log lines.
    """
    bare = _LABEL_LIST.sub("", _ASIDE.sub("", expression))
    names = [name for name in _METRIC.findall(bare) if name.lower() not in _WORDS]
    signs = [signs_of(name) for name in names]
    if not names or not all(signs):
        return "unknown"
    every = frozenset[str]().union(*signs)
    by_server = not every.isdisjoint(FAILURES) and every.isdisjoint(CHOSEN_BY_CLIENTS) and _selects_failures(expression)
    return "failures" if by_server or not every.isdisjoint(PLATFORM_FAILURES) else "other"


def _selects_failures(expression: str) -> bool:
    """Return whether a matcher of a status selects what the server fails at, and nothing that a client chooses."""
    statuses = [value for label, value in _MATCHER.findall(expression) if _STATUS.search(label)]
    return any(map(FAILS.search, statuses)) and not any(map(_BY_CLIENT.search, statuses))


def rule_uid(url: str, labels: Mapping[str, str]) -> str:
    """Return the UID of Grafana's rule by the alert's link or label; an empty text without one."""
    match = _RULE_UID.search(url)
    uid = match[1] if match else labels.get("__alert_rule_uid__", "")
    return uid if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", uid) else ""


def from_grafana_rule(rule: Mapping[str, object]) -> AlertCondition | None:
    """
    Return the condition of a rule of Grafana's: a threshold on the last value of one query of Prometheus, else None.

    Source: https://grafana.com/docs/grafana/latest/alerting/fundamentals/alert-rules/queries-conditions/
    """
    data = rule.get("data")
    parts = {str(part.get("refId")): part for part in data if isinstance(part, dict)} if isinstance(data, list) else {}
    name, limit = str(rule.get("condition")), None
    for _ in range(MAX_STEPS):
        model = parts.get(name, {}).get("model")
        if not isinstance(model, dict):
            return None
        if isinstance(model.get("expr"), str):
            return _on_query(model, limit)
        step = _step(model)
        if step is None or (step[1] and limit):
            return None
        name, limit = step[0], step[1] or limit
    return None


def _on_query(model: Mapping[str, object], limit: tuple[Comparison, float] | None) -> AlertCondition | None:
    source, expression = model.get("datasource"), str(model["expr"]).strip()
    kind = source.get("type") if isinstance(source, dict) else None
    if kind not in (None, "prometheus") or not expression or len(expression) > MAX_EXPRESSION or limit is None:
        return None
    return AlertCondition(expression, *limit)


def _step(model: Mapping[str, object]) -> tuple[str, tuple[Comparison, float] | None] | None:
    """Return the part that an expression of Grafana's rests on, and its threshold if it is one; else None."""
    kind, source = model.get("type"), str(model.get("expression", ""))
    if kind == "reduce":
        return (source, None) if model.get("reducer") == "last" else None
    if kind == "math":
        match = _MATH.fullmatch(source)
        threshold = _number(match[3]) if match else None
        return (match[1], (COMPARISONS[match[2]], threshold)) if match and threshold is not None else None
    if kind == "threshold":
        threshold_of = _evaluator(model)
        return (source, threshold_of) if threshold_of else None
    return None


def _evaluator(model: Mapping[str, object]) -> tuple[Comparison, float] | None:
    conditions = model.get("conditions")
    first = conditions[0] if isinstance(conditions, list) and len(conditions) == 1 else None
    evaluator = first.get("evaluator") if isinstance(first, dict) else None
    if not isinstance(evaluator, dict):
        return None
    comparison, params = _EVALUATORS.get(str(evaluator.get("type"))), evaluator.get("params")
    threshold = _number(str(params[0])) if isinstance(params, list) and params else None
    return (comparison, threshold) if comparison and threshold is not None else None


def _outer_operators(expression: str) -> Iterator[re.Match[str]]:
    """Yield the comparisons and set operators outside of brackets and strings."""
    depth = 0
    for match in _TOKEN.finditer(expression):
        depth += bool(match["open"]) - bool(match["close"])
        if depth == 0 and (match["compare"] or match["set"]):
            yield match


def _number(text: str) -> float | None:
    text = text.strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return float(text) if _NUMBER.fullmatch(text) else None
