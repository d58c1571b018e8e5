"""Evidence or silence."""

from shared.contracts import Evidence, Quote, RootCause, RootCauses
from shared.evidence import UNQUOTED_CONFIDENCE, grounded

EVIDENCE = [Evidence(id="L1", source="logs", text="connection refused to db:5432")]


def _cause(**changes) -> RootCauses:
    cause = RootCause(**{"hypothesis": "the database is away", "confidence": 0.9, **changes})
    return RootCauses(root_causes=[cause], most_likely=cause.hypothesis)


def test_quoted_claim_keeps_its_confidence() -> None:
    """Words that stand in the evidence carry a claim."""
    causes, drops = grounded(_cause(quotes=[Quote(evidence_id="L1", text="refused to db")]), EVIDENCE)

    assert (causes.root_causes[0].confidence, drops) == (0.9, [])
    assert causes.root_causes[0].evidence_ids == ["L1"]


def test_claim_without_a_quote_is_believed_less() -> None:
    """Citing is less than quoting."""
    causes, _ = grounded(_cause(evidence_ids=["L1"]), EVIDENCE)

    assert causes.root_causes[0].confidence == UNQUOTED_CONFIDENCE


def test_claim_without_evidence_is_dropped_and_told() -> None:
    """A hypothesis that cites nothing known is silence."""
    causes, drops = grounded(_cause(evidence_ids=["T7"]), EVIDENCE)

    assert causes.root_causes == []
    assert causes.most_likely == ""
    assert "the database is away" in drops[0]
