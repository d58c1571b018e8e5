"""Which requests are followed, and from which moment they are otherwise."""

from datetime import timedelta

from shared.analysis.requests.follow import MAX_REQUESTS, PARTS, REQUESTS_OF_A_PART, follow, requests_to_follow
from tests.builders import NOW

from .calls import Written, requests, slower, usual


def own(number: int) -> Written:
    """Return what one service alone writes: every tenth request fails, every seventh is slow."""
    slow_s = 5.0 if number % 7 == 0 else 0.01
    text = "ERROR no price" if number % 10 == 0 else "INFO placed"
    return [("orders", "INFO checking out", 0.0), ("orders", text, slow_s)]


def test_failed_and_slow_requests_of_each_part_of_the_time_are_followed() -> None:
    """So those before and since any moment were chosen alike."""
    ids = requests_to_follow(requests(300, own))

    assert len(ids) == len(set(ids)) == MAX_REQUESTS
    numbers = [int(id_, 16) - 1 for id_ in ids]
    assert numbers == sorted(numbers, reverse=True)
    for part in range(PARTS):
        chosen = [number for number in numbers if part * 50 <= number < part * 50 + 50]
        assert len(chosen) == REQUESTS_OF_A_PART
        assert sum(number % 10 == 0 for number in chosen) == 5
        assert sum(number % 7 == 0 for number in chosen if number % 10) >= 5


def test_lines_without_requests_lead_nowhere() -> None:
    """Nothing is followed then."""
    assert requests_to_follow([]) == []


def test_moment_of_the_change_is_seen_without_an_onset() -> None:
    """The alert's own service may show nothing of it."""
    lines = [*requests(30, usual), *requests(30, slower("stock", 10, within=True, way=True), 30)]

    followed = follow(lines, None)

    assert followed.changed_at is not None
    assert abs(followed.changed_at - (NOW + timedelta(seconds=30))) <= timedelta(seconds=5)
    assert max(followed.changes, key=lambda service: followed.changes[service].nats) == "stock"


def test_shares_of_the_time_count_the_way() -> None:
    """A slow network makes its service's share great, where nothing shows how it was before."""
    followed = follow(requests(30, slower("payments", 100, within=False, way=True)), None)

    assert followed.changed_at is None
    assert next(iter(followed.time_shares)) == "payments"
    assert followed.time_shares["payments"] > 0.9
