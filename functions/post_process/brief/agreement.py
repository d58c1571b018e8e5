"""Keeps every word above and beside "Do now" in line with it: what to do is said by code alone, once."""

import re

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])")
_VERBS = (
    r"roll|revert|undo|redeploy|downgrade|restart|reboot|bounce|recycle|replace|scale|increase|raise|add|fail over|"
    r"switch|drain|disable|enable|turn|block|shed|pause|hot-?fix|patch|fix|repair|merge|deploy|apply|restore|reset|set|"
    r"configure|change|rotate|renew|delete|remove|kill|stop|clear|flush|terminate|check|look|see|find|inspect|"
    r"investigate|verify|review|monitor|watch|follow|contact|notify|escalate|open|start|begin|run|use|wait|ignore|silence|dismiss|do|don't|"
    r"never|nothing (?:has )?to|no (?:further |immediate )?(?:action|response|steps?)"
)
"""How an English sentence begins that asks for what an engineer can do, or not do."""
_OPENING = r"^\W*(?:(?:first|then|next|now|so|finally|please|also|immediately|at once|instead)\b[ ,:]*)*"
_COMMAND = re.compile(f"{_OPENING}(?:to \\w+[^,]*, *)?(?:{_VERBS})\\b(?!-)", re.IGNORECASE)
_URGES = re.compile(
    r"\b(?:should|must|ought|needs? to|ha(?:s|ve) to|recommend\w*|advis\w+|suggest\w*|consider|let's|let us|urgent\w*|"
    r"best (?:step|action|option|fix|way)|(?:safest|quickest|fastest|right|first|next) (?:step|action|thing|fix|way)|"
    r"(?:is|are) (?:not )?(?:needed|necessary|required|safe|enough)|would (?:end|fix|help|solve|stop|mitigate|restore)|"
    r"can be (?:fixed|solved|ignored|ended|mitigated))",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[;:]\s+|,\s+(?:so|and|but|then)\s+|\s+[\u2013\u2014]\s+")
_GOES_BACK = ("external_dependency", "infrastructure_issue")


def without_advice(text: str) -> str:
    """Return the sentences that state something; one that moves the reader to do something is left out."""
    return " ".join(sentence for sentence in _SENTENCE_END.split(text) if not advises(sentence))


def advises(sentence: str) -> bool:
    """Return whether a sentence, or a clause of it, asks for an action, urges one or speaks against one."""
    clauses = _CLAUSE.split(sentence)
    return any(_COMMAND.search(one) or _URGES.search(one) for one in clauses)


def summary(text: str, action: str) -> str:
    """Return what a model opens the brief with, its advice replaced by the one action that code chose."""
    stated = without_advice(text)
    return f"{stated} To do now: {action}" if stated and action else stated


def contradicts_kind(leads_back: bool, kind: str) -> bool:
    """Return whether a way back to an older release is advised for a fault that is named as another's."""
    return leads_back and kind in _GOES_BACK
