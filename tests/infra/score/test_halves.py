"""Known incidents fall into two halves by their names alone."""

from infra.score.halves import half_of, shares


def test_half_of_an_incident_depends_on_its_name_alone() -> None:
    """Whatever else is measured, an incident stays in its half, and both halves have incidents."""
    halves = [half_of(f"case-{number}") for number in range(100)]

    assert halves == [half_of(f"case-{number}") for number in range(100)]
    assert 30 < halves.count("tuned on") < 70


def test_shares_of_both_halves_add_up() -> None:
    """Each outcome counts once in all, and once in its own half."""
    measured = shares([("tuned on", True), ("tuned on", False), ("reported on", True)])

    assert measured.cells == ("2/3 67%", "1/2 50%", "1/1 100%")


def test_share_of_nothing_is_not_zero_percent() -> None:
    """A half without incidents says so."""
    assert shares([("tuned on", False)]).cells == ("0/1 0%", "0/1 0%", "-")
