"""The check every claim must pass: the ids it cites exist, the words it quotes stand verbatim in that evidence."""

from collections.abc import Sequence

from shared.contracts import Evidence, RootCause, RootCauses

UNQUOTED_CONFIDENCE = 0.5
"""The most a claim may be believed that cites evidence but quotes none of it."""


def grounded(causes: RootCauses, evidence: Sequence[Evidence]) -> tuple[RootCauses, list[str]]:
    """
    Return the root causes that rest on evidence, and one sentence for each thing that was dropped.

    A quote not found verbatim is dropped; a cause left without a known evidence id is dropped.
    """
    texts = {item.id: item.text for item in evidence}
    kept: list[RootCause] = []
    drops: list[str] = []
    for cause in causes.root_causes:
        checked = _checked(cause, texts, drops)
        if checked.evidence_ids:
            kept.append(checked)
        else:
            drops.append(f"dropped a hypothesis without evidence: {cause.hypothesis[:120]!r}")
    most_likely = causes.most_likely if len(kept) == len(causes.root_causes) else _first(kept)
    return causes.model_copy(update={"root_causes": kept, "most_likely": most_likely}), drops


def _checked(cause: RootCause, texts: dict[str, str], drops: list[str]) -> RootCause:
    quotes = [quote for quote in cause.quotes if quote.text in texts.get(quote.evidence_id, "")]
    drops += [f"dropped a quote not found in {quote.evidence_id}" for quote in cause.quotes if quote not in quotes]
    cited = [*cause.evidence_ids, *(quote.evidence_id for quote in quotes)]
    ids = [id_ for id_ in dict.fromkeys(cited) if id_ in texts]
    confidence = cause.confidence if quotes else min(cause.confidence, UNQUOTED_CONFIDENCE)
    return cause.model_copy(update={"quotes": quotes, "evidence_ids": ids[:20], "confidence": confidence})


def _first(causes: Sequence[RootCause]) -> str:
    return causes[0].hypothesis if causes else ""
