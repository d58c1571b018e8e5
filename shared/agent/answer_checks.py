"""Checks of each agent's answer: claims must be in the evidence, advice must be safe to follow.

Each check takes the refined answer, the offline answer it refines and what the model was shown. It returns the checked
answer, and one sentence for each thing it dropped.
"""

import re
from collections.abc import Sequence

from shared.agent.claim_checks import GroundingContext, has_address
from shared.analysis import confidence
from shared.bounds import clip
from shared.contracts import (
    Incident,
    Mitigation,
    RootCause,
    RootCauses,
    Severity,
    Solution,
    Suggestion,
    Suggestions,
    Unknown,
)

_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
_DESTRUCTIVE = re.compile(
    r"(?i)\brm\s+-[a-z]*[rf]|\bdrop\s+(?:table|database|schema|index)|\btruncate\s+table|\bdelete\s+from\b|\bmkfs"
    r"|\bdd\s+if=|\bshred\b|\bflushall\b|\bflushdb\b|kubectl\s+delete\s+(?:ns|namespace|pvc?|crd|secret|--all|all)"
    r"|\bterraform\s+destroy|\bgit\s+push\b.*(?:--force|\s-f\b|\s\+)|\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|base64\s+-d"
    r"|chmod\s+(?:-R\s+)?[0-7]*777|iptables\s+-F|setenforce\s+0|--no-verify\b|/dev/tcp/|\bnc\s+-[a-z]*e"
)


def judgement(refined: Incident, offline: Incident, context: GroundingContext) -> tuple[Incident, list[str]]:
    """
    Keep a model from hiding an incident: it may dismiss only what code proved healthy, and below high severity.

    It may call an incident what code could not tell or thought healthy; it may not call healthy what nobody can tell.
    """
    drops: list[str] = []
    severity = _not_far_below(refined.severity, offline.severity, drops)
    dismisses = refined.recommendation == "dismiss" and offline.verdict != "healthy"
    may_dismiss = bool(offline.health) and not offline.degraded and offline.severity in ("low", "medium")
    kept_open = dismisses and not may_dismiss
    if kept_open:
        drops.append("dropped the dismissal of an incident that code would not dismiss")
    verdict = offline.verdict
    if refined.recommendation == "dismiss" and not kept_open:
        verdict = "healthy"
    elif refined.recommendation == "proceed" and refined.incident_detected:
        verdict = "incident"
    services = _named(refined.affected_services, context, drops)
    symptoms = [text for symptom in refined.initial_symptoms if (text := context.prose(symptom, drops))]
    judged = {
        "verdict": verdict,
        "severity": severity,
        "recommendation": "proceed" if kept_open else refined.recommendation,
        "incident_detected": refined.incident_detected or (kept_open and offline.incident_detected),
        "affected_services": services or offline.affected_services,
        "initial_symptoms": symptoms or offline.initial_symptoms,
        "reasoning": context.prose(refined.reasoning, drops) or offline.reasoning,
    }
    return refined.replace(**judged), drops


def causes(
    refined: RootCauses, offline: RootCauses, incident: Incident, context: GroundingContext
) -> tuple[RootCauses, list[str]]:
    """
    Keep the hypotheses that cite existing evidence and state nothing beyond it, each with capped confidence.

    An answer without hypotheses is valid. If the model gave hypotheses and all are dropped, the offline ones are used.
    """
    drops: list[str] = []
    root_causes = [cause for each in refined.root_causes if (cause := _cause(each, incident, context, drops))]
    root_causes.sort(key=lambda cause: -cause.confidence)
    if refined.root_causes and not root_causes:
        offline_fields = offline.model_dump(include={"root_causes", "most_likely", "unknowns"})
        return RootCauses.model_validate({**refined.model_dump(), **offline_fields}), drops
    is_complete = len(root_causes) == len(refined.root_causes)
    most_likely = context.prose(refined.most_likely, drops) if is_complete else ""
    unknowns = [one for each in refined.unknowns if (one := _unknown(each, drops))]
    best = root_causes[0].hypothesis if root_causes else ""
    grounded = {"root_causes": root_causes, "most_likely": most_likely or best, "unknowns": unknowns}
    return refined.replace(**grounded), drops


def suggestions(refined: Suggestions, offline: Suggestions, context: GroundingContext) -> tuple[Suggestions, list[str]]:
    """Drop advice with invented names, addresses or destructive commands; if none is left, use the offline advice."""
    drops: list[str] = []
    advice = [one for each in refined.suggestions if (one := _suggestion(each, context, drops))]
    first = _advice(refined.recommended_action, context, drops)
    if not advice:
        advice, first = offline.suggestions, first or offline.recommended_action
    checked = {"suggestions": advice, "recommended_action": first or advice[0].description}
    return refined.replace(**checked), drops


def solution(refined: Solution, offline: Solution, context: GroundingContext) -> tuple[Solution, list[str]]:
    """Keep reasons that the evidence holds and advice that is safe; use the offline text for what is dropped."""
    drops: list[str] = []
    solutions = [text for each in refined.solutions if (text := _advice(each, context, drops))]
    mitigations = [one for each in refined.mitigations if (one := _mitigation(each, context, drops))]
    checked: dict[str, object] = {
        "category_reason": context.prose(refined.category_reason, drops) or offline.category_reason,
        "solutions": solutions or offline.solutions,
        "mitigations": mitigations or offline.mitigations,
        "recommended_solution": _advice(refined.recommended_solution, context, drops) or offline.recommended_solution,
    }
    return refined.replace(**checked), drops


def _not_far_below(severity: Severity, offline: Severity, drops: list[str]) -> Severity:
    """Allow a severity one step below the offline one, not more: text in a log may try to talk the model down."""
    lowest = max(_SEVERITIES.index(offline) - 1, 0)
    if _SEVERITIES.index(severity) >= lowest:
        return severity
    drops.append(f"dropped the severity {severity}, more than one step below {offline}")
    return _SEVERITIES[lowest]


def _named(names: Sequence[str], context: GroundingContext, drops: list[str]) -> list[str]:
    """Return the names that are in what the model was shown."""
    drops += [f"dropped the unknown name {name[:80]!r}" for name in names if name not in context.text]
    return [name for name in names if name in context.text]


def _cause(cause: RootCause, incident: Incident, context: GroundingContext, drops: list[str]) -> RootCause | None:
    quotes = context.quotes(cause.quotes, drops)
    ids = context.ids([*cause.evidence_ids, *(quote.evidence_id for quote in quotes)], drops)
    hypothesis = context.prose(cause.hypothesis, drops)
    if not ids or not hypothesis:
        drops.append(f"dropped a hypothesis without evidence: {clip(cause.hypothesis, 120)!r}")
        return None
    cap = confidence.cap(incident, cited=ids)
    checked = {
        "hypothesis": hypothesis,
        "quotes": quotes,
        "evidence_ids": ids,
        "confidence": min(cause.confidence, cap if quotes else min(cap, confidence.UNQUOTED_CAP)),
        "affected_components": _named(cause.affected_components, context, drops),
    }
    return cause.replace(**checked)


def _unknown(unknown: Unknown, drops: list[str]) -> Unknown | None:
    reason = unsafe(unknown.what) or unsafe(unknown.next_query)
    if reason:
        drops.append(f"dropped a next step with {reason}: {clip(unknown.what, 120)!r}")
    return None if reason else unknown


def _suggestion(suggestion: Suggestion, context: GroundingContext, drops: list[str]) -> Suggestion | None:
    description = _advice(suggestion.description, context, drops)
    if not description:
        return None
    impact = context.prose(suggestion.estimated_impact, drops)
    steps = _steps(suggestion.steps, context, drops)
    return suggestion.replace(description=description, steps=steps, estimated_impact=impact)


def _mitigation(mitigation: Mitigation, context: GroundingContext, drops: list[str]) -> Mitigation | None:
    action = _advice(mitigation.action, context, drops)
    if not action:
        return None
    steps = _steps(mitigation.steps, context, drops)
    # Only a complete action may be automated: one that lost a step is for a human.
    is_complete = len(steps) == len(mitigation.steps)
    checked = {"action": action, "steps": steps, "can_auto_execute": mitigation.can_auto_execute and is_complete}
    return mitigation.replace(**checked)


def _steps(steps: Sequence[str], context: GroundingContext, drops: list[str]) -> list[str]:
    return [text for step in steps if (text := _advice(step, context, drops))]


def _advice(text: str, context: GroundingContext, drops: list[str]) -> str:
    """Return the text, or "" when it must not be followed; numbers in advice are proposals, not claims."""
    reason = unsafe(text) or context.invented_name(text)
    if reason:
        drops.append(f"dropped advice with {reason}: {text[:120]!r}")
    return "" if reason else text


def unsafe(text: str) -> str | None:
    """Return why it is not safe to follow the text, or None when it is safe."""
    # A log line can plant an address; our own links are in other fields.
    if has_address(text):
        return "an address"
    return "a destructive command" if _DESTRUCTIVE.search(text) else None
