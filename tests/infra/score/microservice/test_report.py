"""A table counts places as they are: first is first, top three is three."""

from infra.score.microservice.observe import AlertedOn, Observation, Source
from infra.score.microservice.report import tables


def alerted_on(source: Source = "an affected service") -> AlertedOn:
    """Return an alert on shop, whose culprit is stock."""
    return AlertedOn("incident", "reported on", "shop", source, "stock", "code_issue")


def observation(rank: int | None) -> Observation:
    """Return an answer that names the culprit at this place."""
    return Observation(alerted_on(), "critical", "none", "incident", rank, "code_issue", 0.1)


def test_place_of_the_culprit_is_counted_as_first_and_as_among_three() -> None:
    """The fourth place and no place count as neither; the halves count apart."""
    answers = [observation(rank) for rank in (1, 2, 3, 4, None)]

    (row,) = tables(answers, [], {})[1].rows

    assert row[5:] == ("1/5 20%", "-", "1/5 20%", "3/5 60%", "-", "3/5 60%")


def test_baselines_are_counted_in_the_same_way() -> None:
    """A baseline gets no easier rule."""
    ranks = {"naive": [(alerted_on(), rank) for rank in (1, 3, 4, None)]}

    rows = tables([observation(1)], [], ranks)[1].rows

    assert [row[5:] for row in rows if row[:2] == ("an affected service", "naive")] == [
        ("1/4 25%", "-", "1/4 25%", "2/4 50%", "-", "2/4 50%")
    ]
