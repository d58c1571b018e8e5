"""Masking of values in log lines."""

import pytest

from shared.analysis.logs.masking import MAX_TOKENS, join_values, mask_field, masker


def masked(line: str) -> str:
    """Return the line with every value masked."""
    return join_values(masker()(line))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("job 17 at 0x1f of 10.0.0.1:80", "job <*> at <*> of <*>"),
        ("index:-1 and index:+1 of node-7", "index:<*> and index:<*> of node-<*>"),
        ("took <1 sec, then ~5 s, then <7>", "took <*>, then <*>, then <<*>>"),
        ("cached 512 B in 3 ms, 1.5KB in 2s", "cached <*> in <*>, <*> in <*>"),
        ("sent 1165 bytes (1.13 KB), 5 MB (5242880)", "sent <*>, <*>"),
        ("5 jobs (3 done)", "<*> jobs (<*> done)"),
    ],
)
def test_number_is_one_value_with_its_sign_unit_and_repetition(line: str, expected: str) -> None:
    """However it is written, so that lines of one event have one length."""
    assert masked(line) == expected


@pytest.mark.parametrize(
    "date",
    [
        "2026-01-31T10:00:00.123Z",
        "2026/01/31",
        "31/Jan/2026:10:00:00",
        "Sat Jan 31 10:00:00 2026",
        "Sat Jan 31 10:00:00 CEST 2026",
        "Saturday, January 31, 2026",
        "Sat, 31 Jan 2026 10:00:00",
        "Jan 31 10:00:00",
    ],
)
def test_date_is_one_value(date: str) -> None:
    """The name of a month or a day is no word of the event."""
    assert masked(f"certificate ends {date}, renew it") == "certificate ends <*>, renew it"


def test_word_that_is_also_a_month_stays() -> None:
    """A month alone is no date."""
    assert masked("May 5 users log in") == "May <*> users log in"


def test_quoted_value_of_a_field_is_one_value() -> None:
    """Its spaces do not change the length of the line; what says what happened is read by words."""
    assert masked('user="Ann Lee" msg="paid 5 EUR" at="x"') == 'user="<*>" msg="paid <*> EUR" at="x"'


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("user=ann", "user=<*>"),
        ("(user=ann),", "(user=<*>),"),
        ("user=", "user=<*>"),
        ("msg=started", "msg=started"),
        ("http.status_code=5xx", "http.status_code=5xx"),
        ("a==b?", "a=<*>"),
        ("=>", "=>"),
        ("https://shop/?a=b", "https://shop/?a=b"),
    ],
)
def test_field_loses_a_value_that_is_a_parameter(word: str, expected: str) -> None:
    """Its name and the punctuation around it stay."""
    assert mask_field(word) == expected


@pytest.mark.parametrize("line", ["HTTP/1.1 503", "status: 503", "| 503 |", "GET /a 503", 'HTTP/1.1" 503, x'])
def test_status_of_a_server_error_stays_visible(line: str) -> None:
    """Where the line shows that it is one."""
    assert "5xx" in masked(line)


@pytest.mark.parametrize("line", ["took 503 ms", "status 5030", "id 503", "status 503.5"])
def test_other_numbers_are_no_status(line: str) -> None:
    """A number alone is a value."""
    assert "5xx" not in masked(line)


def test_words_that_are_read_of_a_line_are_limited() -> None:
    """The rest of a very long line is not looked at."""
    assert len(masked("a " * 1000).split()) == MAX_TOKENS
