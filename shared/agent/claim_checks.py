"""Check every claim of a model: what it cites must exist, what it quotes and counts must be in the evidence."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel

from shared.contracts import Evidence, Quote

_ID = re.compile(r"(?<![\w./:#-])[LTMCA]\d{1,3}(?![\w./:-])")
# A number is a claim when it has three digits or more, a fraction or a percent sign; line numbers are not claims.
_NUMBER = re.compile(
    r"(?<![\w.,:#/-])(?<!line )(?<!lines )(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?(?![\w:]|\.\d|-\d|/\d)(\s?%)?"
)
_ANY_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_CLOCK = re.compile(r"(?<!\d)\d{1,2}:\d{2}:\d{2}(?!\d)")
_SHA = re.compile(r"(?<![\w-])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}(?![\w-])")
_PULL = re.compile(r"(?i)(?:(?<![\w&])#|\bpull(?: request|/|s/) ?#?|\bPR ?#?|\bMR ?!?|\bissue ?#?)(\d+)\b")
_URL = re.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.|data:[a-z]+/|javascript:(?=\S))[^\s<>\"'`)\]]*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])")
_ROUNDING = 0.01
"""How far a number may be from one in the evidence, as a share of it: people write 4,200 for 4,211."""


class GroundingContext:
    """Everything a model was shown; its claims are checked against this."""

    def __init__(self, facts: Sequence[BaseModel], read: Iterable[str] = ()) -> None:
        self.evidence = {piece.id: piece for fact in facts for piece in _pieces(fact)}
        # Values, not dumped JSON: JSON escapes a quotation mark inside a text.
        texts = [text for fact in facts for text in _texts(fact.model_dump(mode="json"))]
        self.text = "\n".join([*texts, *read])
        self._numbers = sorted({float(number) for number in _ANY_NUMBER.findall(self.text.replace(",", ""))})

    def ids(self, cited: Iterable[str], drops: list[str]) -> list[str]:
        """Return the cited ids that exist, each once; add a sentence to `drops` for each other."""
        unique = list(dict.fromkeys(cited))
        drops += [f"dropped the evidence id {id_[:40]!r}, which does not exist" for id_ in unique if not self._has(id_)]
        return [id_ for id_ in unique if self._has(id_)]

    def quotes(self, quotes: Sequence[Quote], drops: list[str]) -> list[Quote]:
        """Return the quotes that are verbatim in the evidence they name; add a sentence to `drops` for each other."""
        verbatim = [quote for quote in quotes if self._has(quote.evidence_id) and self._is_verbatim(quote)]
        drops += [f"dropped a quote not found in {quote.evidence_id}" for quote in quotes if quote not in verbatim]
        return verbatim

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
        return self.invented_name(sentence) or self._invented_number(sentence)

    def invented_name(self, sentence: str) -> str | None:
        """Return an id, commit, address, time or pull request in the sentence that the model was not shown, or None."""
        for id_ in _ID.findall(sentence):
            if not self._has(id_) and id_ not in self.text:
                return f"the unknown evidence id {id_}"
        for pattern, what in ((_SHA, "commit"), (_URL, "address"), (_CLOCK, "time")):
            for name in pattern.findall(sentence):
                if name.rstrip(".,;:") not in self.text:
                    return f"the unknown {what} {name[:80]}"
        for match in _PULL.finditer(sentence):
            if match[0] not in self.text:
                return f"the unknown reference {match[0]}"
        return None

    def _invented_number(self, sentence: str) -> str | None:
        for match in _NUMBER.finditer(_CLOCK.sub(" ", _URL.sub(" ", sentence))):
            digits, fraction, percent = match[1].replace(",", ""), match[2] or "", match[3]
            if (len(digits) >= 3 or fraction or percent) and not self._has_number(float(digits + fraction)):
                return f"the number {match[0].strip()}, which is not in the evidence"
        return None

    def _has_number(self, number: float) -> bool:
        slack = max(abs(number) * _ROUNDING, 0.05)
        place = bisect_left(self._numbers, number - slack)
        return place < len(self._numbers) and self._numbers[place] <= number + slack

    def _has(self, id_: str) -> bool:
        return id_ in self.evidence

    def _is_verbatim(self, quote: Quote) -> bool:
        return bool(quote.text.strip()) and quote.text in self.evidence[quote.evidence_id].text


def has_address(text: str) -> bool:
    """Return whether a text holds a URL of any scheme."""
    return bool(_URL.search(text))


def _pieces(fact: BaseModel) -> list[Evidence]:
    pieces = getattr(fact, "evidence", None)
    return list(pieces) if isinstance(pieces, list) else []


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)
