"""Digests: what remains of a contract that must fit."""

import pytest

from shared.contracts import (
    Evidence,
    FileEdit,
    Incident,
    MeasuredSeries,
    Patch,
    RootCause,
    RootCauses,
    SignedAlert,
    Solution,
)
from shared.digest import digest, json_bytes
from tests.builders import NOW, an_alert, an_incident


def a_large_incident() -> Incident:
    """Forty pieces of evidence of 2,000 characters; the last one is cited."""
    evidence = [Evidence(id=f"L{n}", source="logs", text=f"{n} " + "x" * 1990, at=NOW) for n in range(40)]
    return an_incident(evidence=evidence, reasoning="It rests on L39.", initial_symptoms=["It fails."])


def test_contract_that_fits_is_returned_as_it_is() -> None:
    """Nothing is lost without need."""
    incident = an_incident()

    assert digest(incident, 12_000) is incident


@pytest.mark.parametrize("max_bytes", [20_000, 8_000, 4_000, 2_000])
def test_digest_fits_and_holds_what_matters(max_bytes: int) -> None:
    """Evidence that is cited stays longest, and the contract says how much it lost."""
    reduced = digest(a_large_incident(), max_bytes)

    assert json_bytes(reduced) <= max_bytes
    assert reduced.needs_response
    assert reduced.severity == "high"
    assert "L39" in [piece.id for piece in reduced.evidence]
    assert reduced.left_out["evidence"] == 40 - len(reduced.evidence)


def test_size_is_counted_in_bytes_not_in_characters() -> None:
    """Four bytes a character, as the wire has them."""
    alert = SignedAlert(**dict(an_alert(labels={f"l{n}": "😀" * 500 for n in range(64)}, summary="😀" * 2000)))

    assert json_bytes(digest(alert, 8_000)) <= 8_000


def test_what_cannot_shrink_goes_before_the_rest_does() -> None:
    """Half a patch is of no use; the words beside it are."""
    edit = FileEdit(path="src/cart.py", original="x" * 40_000, new="y")
    patch = Patch(strategy="fix", files_to_modify=[edit])
    solution = Solution(
        incident_category="code_issue", patch=patch, solutions=["Revert it."], category_reason="r" * 900
    )

    reduced = digest(solution, 8_000)

    assert (reduced.patch, reduced.solutions) == (None, ["Revert it."])


def test_what_is_only_drawn_goes_before_evidence_does() -> None:
    """An image is worth no piece of evidence, and it stays where all fits."""
    series = MeasuredSeries(title="error_ratio", values=[0.12345] * 60)
    incident = a_large_incident().replace(measured_series=series)

    assert digest(incident, 100_000).measured_series == series
    assert digest(incident, 8_000) == digest(a_large_incident(), 8_000)


def test_best_of_a_ranked_list_stays() -> None:
    """Causes are ordered, the best first."""
    causes = [RootCause(hypothesis=f"{n} " + "because " * 100, confidence=0.5) for n in range(5)]

    reduced = digest(RootCauses(root_causes=causes, most_likely=causes[0].hypothesis), 1_500)

    assert [cause.hypothesis.split()[0] for cause in reduced.root_causes] == ["0"]


def test_required_fields_that_do_not_fit_are_an_error() -> None:
    """There is nothing left to leave out."""
    with pytest.raises(ValueError, match="SignedAlert does not fit into 100 bytes"):
        digest(SignedAlert(**dict(an_alert())), 100)
