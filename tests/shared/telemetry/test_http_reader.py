"""What the Loki and Prometheus readers share, without the network."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.errors import Rejected
from shared.telemetry.http_reader import epoch_us, matcher, selector


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
