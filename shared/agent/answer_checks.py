"""Checks of each agent's answer: claims must be in the evidence, and what a reader may do is made by code alone.

Each check takes the refined answer, the offline answer it refines and what the model was shown. It returns the checked
answer, and one sentence for each thing it dropped.
"""

from collections.abc import Sequence
from typing import TypeVar

from shared import followup_queries
from shared.agent.claim_checks import GroundingContext
from shared.analysis import confidence
from shared.analysis.advice.values import name
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
from shared.text.plain_text import as_rendered, inert

Advice = TypeVar("Advice", Suggestion, Mitigation)

_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")


def judgement(refined: Incident, offline: Incident, context: GroundingContext) -> tuple[Incident, list[str]]:
    """
    Keep a model from hiding an incident: where code sees harm it may dismiss only what a metric speaks against.

    A log line may talk a model into calm, and nobody outside writes a metric of failed requests. It may call an
    incident what code could not tell or thought healthy; it may not call healthy what nobody can tell.
    """
    drops: list[str] = []
    severity = _not_far_below(refined.severity, offline.severity, drops)
    dismisses = refined.recommendation == "dismiss" and offline.verdict != "healthy"
    is_contradicted = bool(offline.contradiction) and not offline.failure_signals and not offline.degraded
    kept_open = dismisses and not (is_contradicted and offline.severity in ("low", "medium"))
    if kept_open:
        drops.append("dropped the dismissal of an incident that code would not dismiss")
    is_dismissed = refined.recommendation == "dismiss" and not kept_open
    verdict = offline.verdict
    if is_dismissed:
        verdict = "healthy"
    elif refined.recommendation == "proceed" and refined.incident_detected:
        verdict = "incident"
    services = _named(refined.affected_services, context, drops)
    symptoms = [text for symptom in refined.initial_symptoms if (text := context.prose(symptom, drops))]
    judged = {
        "verdict": verdict,
        "severity": severity,
        "recommendation": "proceed" if kept_open else refined.recommendation,
        "incident_detected": refined.incident_detected or (offline.incident_detected and not is_dismissed),
        "health": [offline.contradiction] if is_dismissed and offline.contradiction else offline.health,
        "affected_services": services or offline.affected_services,
        "initial_symptoms": _titled(symptoms, offline),
        "reasoning": context.prose(refined.reasoning, drops) or offline.reasoning,
    }
    return refined.replace(**judged), drops


def _titled(symptoms: list[str], offline: Incident) -> list[str]:
    """Return the symptoms, the first by code: it is the title of brief and mail."""
    title = offline.initial_symptoms[:1] or (["A model sees harm that no rule sees."] if symptoms else [])
    return [*title, *(symptom for symptom in symptoms if symptom not in map(inert, title))]


def causes(
    refined: RootCauses, offline: RootCauses, incident: Incident, context: GroundingContext
) -> tuple[RootCauses, list[str]]:
    """
    Keep the hypotheses that cite existing evidence and state nothing beyond it.

    How sure each is follows from the evidence that it quotes; the model may only be less sure.

    An answer without hypotheses is valid. If the model gave hypotheses and all are dropped, the offline ones are used.
    """
    drops: list[str] = []
    root_causes = [cause for each in refined.root_causes if (cause := _cause(each, offline, incident, context, drops))]
    root_causes.sort(key=lambda cause: -cause.confidence)
    if refined.root_causes and not root_causes:
        offline_fields = offline.model_dump(include={"root_causes", "most_likely", "unknowns"})
        return RootCauses.model_validate({**refined.model_dump(), **offline_fields}), drops
    named = {inert(one.what): one for one in offline.unknowns}
    unknowns = [
        one
        for each in refined.unknowns
        if (one := named.get(each.what) or _unknown(each, incident, context, drops)) is not None
    ]
    best = root_causes[0].hypothesis if root_causes else ""
    return refined.replace(root_causes=root_causes, most_likely=best, unknowns=unknowns), drops


def suggestions(refined: Suggestions, offline: Suggestions, context: GroundingContext) -> tuple[Suggestions, list[str]]:
    """Keep the advice that code made, in the order of the model, and its remarks as far as the evidence holds them."""
    drops: list[str] = []
    advice = _ranked(offline.suggestions, refined.ranking, drops)
    checked = {
        "suggestions": advice,
        "recommended_action": advice[0].description if advice else offline.recommended_action,
        "ranking": [one.advice_id for one in advice],
        "remarks": context.prose(refined.remarks, drops),
    }
    return refined.replace(**checked), drops


def solution(refined: Solution, offline: Solution, context: GroundingContext) -> tuple[Solution, list[str]]:
    """Keep the advice that code made, in the order of the model, and reasons and remarks that the evidence holds."""
    drops: list[str] = []
    mitigations = _ranked(offline.mitigations, refined.ranking, drops)
    # A revert that is drafted stays what is recommended.
    first = mitigations[0].action if mitigations and offline.patch is None else offline.recommended_solution
    checked = {
        "category_reason": context.prose(refined.category_reason, drops) or offline.category_reason,
        "mitigations": mitigations,
        "recommended_solution": first,
        "ranking": [one.advice_id for one in mitigations],
        "remarks": context.prose(refined.remarks, drops),
        "summary": context.prose(refined.summary, drops),
    }
    return refined.replace(**checked), drops


def _ranked(advice: Sequence[Advice], ranking: Sequence[str], drops: list[str]) -> list[Advice]:
    """Return all of the advice, what the ranking names first; it can neither add to it nor take from it."""
    ids = {one.advice_id for one in advice}
    drops += [f"dropped the advice {id_[:80]!r}, which is none of code's" for id_ in ranking if id_ not in ids]
    places = {id_: place for place, id_ in reversed(list(enumerate(ranking)))}
    return sorted(advice, key=lambda one: places.get(one.advice_id, len(places)))


def _not_far_below(severity: Severity, offline: Severity, drops: list[str]) -> Severity:
    """Allow a severity one step below the offline one, not more: text in a log may try to talk the model down."""
    lowest = max(_SEVERITIES.index(offline) - 1, 0)
    if _SEVERITIES.index(severity) >= lowest:
        return severity
    drops.append(f"dropped the severity {severity}, more than one step below {offline}")
    return _SEVERITIES[lowest]


def _named(names: Sequence[str], context: GroundingContext, drops: list[str]) -> list[str]:
    """Return the names that are in what the model was shown; a sentence of it is none."""
    known_names = [each for each in names if name(each) and context.has_name(each)]
    drops += [f"dropped the unknown name {clip(each, 80)!r}" for each in names if each not in known_names]
    return known_names


def _cause(
    cause: RootCause, offline: RootCauses, incident: Incident, context: GroundingContext, drops: list[str]
) -> RootCause | None:
    by_code = next((one for one in offline.root_causes if inert(one.hypothesis) == cause.hypothesis), None)
    if by_code is not None:
        return by_code.replace(confidence=min(cause.confidence, by_code.confidence))
    hypothesis = context.prose(cause.hypothesis, drops)
    quotes = context.quotes(hypothesis, cause.quotes, drops)
    cited = context.ids([*cause.evidence_ids, *(quote.evidence_id for quote in quotes)], drops)
    # Without a quote, some evidence must at least speak of the same.
    supporting = [id_ for id_ in cited if context.supports(hypothesis, id_)]
    ids = cited if quotes else supporting
    if not ids or not hypothesis:
        drops.append(f"dropped a hypothesis without evidence: {clip(cause.hypothesis, 120)!r}")
        return None
    evidence = confidence.of_evidence(offline, {*(quote.evidence_id for quote in quotes), *supporting})
    cap = min(confidence.cap(incident, cited=ids), evidence, confidence.CAP if quotes else confidence.UNQUOTED_CAP)
    checked = {
        "hypothesis": hypothesis,
        "quotes": quotes,
        "evidence_ids": ids,
        "confidence": min(cause.confidence, cap),
        "affected_components": _named(cause.affected_components, context, drops),
    }
    return cause.replace(**checked)


def _unknown(unknown: Unknown, incident: Incident, context: GroundingContext, drops: list[str]) -> Unknown | None:
    """Return what is not known, with the query for the words that the model would look for; code writes the query."""
    what = context.prose(unknown.what, drops)
    if not what:
        return None
    words = unknown.look_for
    if words and as_rendered(words) not in context.text:
        drops.append(f"dropped words to look for that are not in the evidence: {words[:80]!r}")
        words = ""
    query = followup_queries.lines_with(incident.log_selector, words) if words.strip() else ""
    return unknown.replace(what=what, look_for=words, next_query=query)
