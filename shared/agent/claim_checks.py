"""Check every claim of a model: what it cites must exist, what it quotes, names and counts must be in the evidence."""

import re
from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from shared.agent.evidence_index import EvidenceIndex
from shared.agent.figures import figures
from shared.agent.names import names, quotations
from shared.agent.prompt_evidence import reduced
from shared.agent.words import terms
from shared.analysis.faults import matching
from shared.bounds import clip
from shared.contracts import Alert, Evidence, Quote
from shared.text.plain_text import as_rendered

_PULL = re.compile(r"(?i)(?:(?<![\w&])#|\bpull(?: request|/|s/) ?#?|\bPR ?#?|\bMR ?!?|\bissue ?#?)(\d+)\b")
_URL = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.|data:[a-z]+/|javascript:(?=\S))[^\s<>\"'`)\]]*")
_TERMS_IN_COMMON = 2
"""So many make a claim one about a piece of evidence; one may be chance."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])")


class GroundingContext:
    """Everything a model was shown; its claims, which are compared as rendered, are checked against this."""

    def __init__(self, facts: Sequence[BaseModel], read: Iterable[str] = ()) -> None:
        self.evidence = {piece.id: piece for fact in facts for piece in _pieces(fact)}
        self._index = EvidenceIndex([reduced(fact) for fact in facts], read)
        alerts = [fact for fact in facts if isinstance(fact, Alert)]
        labels = " ".join(text for alert in alerts for text in (alert.service_name, *alert.labels.values()))
        self._in_all = terms(as_rendered(labels))
        """What any line of the service may hold says nothing in particular."""

    @property
    def text(self) -> str:
        """All of it as one text, as rendered."""
        return self._index.text

    def has_name(self, name: str) -> bool:
        """Return whether a name stands in it as a whole."""
        return self._index.has_name(as_rendered(name))

    def ids(self, cited: Iterable[str], drops: list[str]) -> list[str]:
        """Return the cited ids that exist, each once; add a sentence to `drops` for each other."""
        unique = list(dict.fromkeys(cited))
        drops += [f"dropped the evidence id {id_[:40]!r}, which does not exist" for id_ in unique if not self._has(id_)]
        return [id_ for id_ in unique if self._has(id_)]

    def quotes(self, claim: str, quotes: Sequence[Quote], drops: list[str]) -> list[Quote]:
        """Return the quotes that support the claim; add a sentence to `drops` for each other."""
        supporting = []
        for quote in quotes:
            if objection := self._objection(claim, quote):
                drops.append(f"dropped a quote {objection}: {quote.evidence_id} {clip(quote.text, 80)!r}")
            else:
                supporting.append(quote)
        return supporting

    def supports(self, claim: str, id_: str) -> bool:
        """Return whether a piece of evidence and a claim have a term in common."""
        return bool(self._terms(self.evidence[id_].text) & terms(claim))

    def prose(self, text: str, drops: list[str]) -> str:
        """Return `text` without the sentences that state what is not in the evidence; report each in `drops`."""
        sentences = []
        for sentence in _SENTENCE_END.split(text):
            doubt = self.doubt(sentence)
            if doubt is None:
                sentences.append(sentence)
            else:
                drops.append(f"dropped a sentence with {doubt}: {sentence[:120]!r}")
        return " ".join(sentences)

    def doubt(self, sentence: str) -> str | None:
        """Return what in the sentence is not in the evidence, or None when there is nothing like that."""
        if quoted := next((text for text in quotations(sentence) if not self._has_quotation(text)), None):
            return f"the quotation {quoted[:80]!r}, which is not in the evidence"
        if name := next((name for name in names(sentence) if not self._index.has_name(name)), None):
            return f"the name {name[:80]!r}, which is not in the evidence"
        if match := next((match for match in _PULL.finditer(sentence) if not self._index.has(match[0])), None):
            return f"the unknown reference {match[0]!r}"
        if moment := self._index.unknown_moment(sentence):
            return f"the time {moment}, which is not in the evidence"
        if figure := self._index.unknown_figure(sentence):
            return f"the number {figure.text!r} ({figure.kind}), which is not in the evidence"
        return None

    def _has_quotation(self, text: str) -> bool:
        """Return whether a quotation stands in it, all of its parts where it leaves something out."""
        return all(self._index.has(part) for part in re.split(r"…|\.\.\.", text))

    def _has(self, id_: str) -> bool:
        return id_ in self.evidence

    def _objection(self, claim: str, quote: Quote) -> str | None:
        """Return why a quote does not support the claim, or None."""
        seen = as_rendered(quote.text)
        if not self._has(quote.evidence_id) or seen not in as_rendered(self.evidence[quote.evidence_id].text):
            return "that is not in its evidence"
        content = self._terms(seen)
        # A single common word stands in too many lines to prove anything.
        if len(content) + bool(names(seen)) + bool(figures(seen)) < 2 or not content:
            return "without content of its own"
        # A frame of a trace need not repeat what the trace says; a piece of which the claim speaks is one about it.
        around = self._terms(self.evidence[quote.evidence_id].text)
        is_about = content & terms(claim) or len(around & terms(claim)) >= _TERMS_IN_COMMON
        return None if is_about else "that says nothing of its claim"

    def _terms(self, text: str) -> frozenset[str]:
        """Return the terms of a piece of evidence, with those of the faults that rules read in it."""
        seen = as_rendered(text)
        faults = " ".join(signal.rule.name for signal in matching.find(seen))
        return (terms(seen) | terms(faults)) - self._in_all


def has_address(text: str) -> bool:
    """Return whether a text holds a URL of any scheme."""
    return bool(_URL.search(text))


def _pieces(fact: BaseModel) -> list[Evidence]:
    pieces = getattr(fact, "evidence", None)
    return list(pieces) if isinstance(pieces, list) else []
