"""Times in a brief: by the reader's clock, with UTC, and how long ago."""

from datetime import timedelta

import pytest

from functions.post_process.brief.reader_time import ReaderSettings
from functions.post_process.brief.render import render
from functions.post_process.brief.view import Usage
from shared.contracts import PullRequest
from shared.errors import Misconfigured
from tests.functions import post_process_requests as requests


def since(request=None, usage: Usage | None = None) -> str:
    """Return the line that says since when."""
    return render(request or requests.full(), [], usage or Usage()).text.splitlines()[2]


def test_time_is_utc_by_default_and_says_how_long_ago_it_began() -> None:
    """Counted to when the brief was written."""
    assert since() == (
        "Since 14 Mar 02:44 UTC, 10 min ago, still at 02:55. Alert BillingErrorRateHigh, received 02:55 UTC"
    )
    assert ", 14 min ago," in since(usage=Usage(duration_ms=200_000))


def test_time_is_by_the_readers_clock_with_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the head, in the timeline and in the time until which an approval counts."""
    monkeypatch.setenv("BRIEF_TIMEZONE", "Europe/Berlin")
    waiting = PullRequest(
        status="awaiting_approval", approval_url="https://approve.example.com/?incident=x", approve_until=requests.END
    )

    text = render(requests.full(pull_request=waiting), [], Usage()).text

    assert text.splitlines()[2] == (
        "Since 14 Mar 03:44 CET (02:44 UTC), 10 min ago, still at 03:55. "
        "Alert BillingErrorRateHigh, received 03:55 CET (02:55 UTC)"
    )
    assert "  CET | What\n" in text
    assert "03:44:42 (02:44:42 UTC) | Behaviour changed (onset)" in text
    assert "until 14 Mar 03:55 CET (02:55 UTC)." in text


def test_other_day_in_the_readers_zone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """In New York it is still the evening before."""
    monkeypatch.setenv("BRIEF_TIMEZONE", "America/New_York")

    assert since().startswith("Since 13 Mar 22:44 EDT (14 Mar 02:44 UTC), 10 min ago")


def test_what_began_days_ago_has_its_date_alone() -> None:
    """A count of hours would have to be divided."""
    alert = requests.alert(received_at=requests.END + timedelta(days=2))

    assert " ago" not in since(requests.full(alert=alert))


@pytest.mark.parametrize("name", ["Berlin", "../etc/passwd", "/etc/localtime", "Europe"])
def test_unknown_zone_is_refused_by_its_variable_and_costs_no_brief(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """`make doctor` reads the same settings; a brief with a wrong one is in UTC."""
    monkeypatch.setenv("BRIEF_TIMEZONE", name)

    with pytest.raises(Misconfigured, match=r"BRIEF_TIMEZONE.*IANA name"):
        ReaderSettings.from_env()
    assert since().startswith("Since 14 Mar 02:44 UTC")
