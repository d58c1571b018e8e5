"""What the Loki and Prometheus readers share, without the network."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from infra.local.sandboxes.http import Reply, Sandbox
from shared.errors import Rejected
from shared.telemetry.http_reader import ByteBudget, Reader, TooLarge, epoch_us, matcher, selector


def test_a_selector_is_a_matcher_in_braces() -> None:
    """One label, one value."""
    assert selector("service_name", "api") == "{" + matcher("service_name", "api") + "}" == '{service_name="api"}'


@pytest.mark.parametrize(("label", "value"), [('a"b', "x"), ("", "x"), ("1a", "x"), ("a\n", "x"), ("a", "")])
def test_a_bad_label_or_an_empty_value_is_rejected(label: str, value: str) -> None:
    """An empty value would match series without that label."""
    with pytest.raises(Rejected):
        matcher(label, value)


def test_times_keep_their_microseconds_in_any_zone() -> None:
    """Floats of seconds would lose them."""
    moment = datetime(2026, 1, 31, 8, 0, 0, 123_457, tzinfo=UTC)

    assert epoch_us(moment) == epoch_us(moment.astimezone(timezone(timedelta(hours=5)))) == 1_769_846_400_123_457


@pytest.mark.parametrize(("max_bytes", "left"), [(100_000, 10_000_000), (10_000_000, 100_000)])
def test_reading_stops_at_the_bound_of_an_answer_and_of_the_budget(max_bytes: int, left: int) -> None:
    """The rest of a large body is never read, and what was read of it comes with the error."""
    budget = ByteBudget(left)
    with Sandbox() as sandbox:
        sandbox.fail_next(Reply.of_json(["x" * 5_000_000]))
        with pytest.raises(TooLarge, match="more than 100,000 bytes") as raised:
            Reader("Loki", sandbox.url, 5, max_bytes=max_bytes).get("/", {}, "all", budget)

    assert 100_000 < len(raised.value.part) < 200_000
    assert budget.left == left


def test_the_bytes_of_answers_add_up() -> None:
    """Answers that are small one by one use the budget up together."""
    budget = ByteBudget(2_500)
    with Sandbox() as sandbox:
        reader = Reader("Loki", sandbox.url, 5, max_bytes=2_000)
        sandbox.fail_next(*[Reply.of_json("x" * 998)] * 3)
        assert [reader.get("/", {}, "all", budget) for _ in range(2)] == ["x" * 998] * 2
        with pytest.raises(TooLarge):
            reader.get("/", {}, "all", budget)

    assert budget.left == 500


def test_an_error_is_quoted_however_long_its_page_is() -> None:
    """A gateway's page of megabytes is not read to its end."""
    with Sandbox() as sandbox:
        sandbox.fail_next(Reply.of_text("no such tenant " + "x" * 5_000_000, 400))
        with pytest.raises(Rejected, match="400: 'no such tenant"):
            Reader("Loki", sandbox.url, 5, max_bytes=1_000_000).get("/", {}, "all", ByteBudget(1_000_000))
