"""Decoded views show what a reader's tools would make of a text, and where each part of it came from."""

import base64
import json

import pytest

from shared.redaction.decoded_views import BORDER, MAX_LAYERS, View, entries, joined, views


def _last(text: str) -> View:
    return list(views(View(text)))[-1]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"{\"a\":\"b\/c\"}", '{"a":"b/c"}'),
        (r"\u0041\x42\103", "ABC"),
        ("a%3Db%20c", "a=b c"),
        ("&quot;a&#61;b&#x3a;&amp;", '"a=b:&'),
        ("\x1b[31;1mred\x1b[0m", "red"),
        ("[31mred[0m", "red"),
        ("=3Da=\nb", "=ab"),
        ("p\u200bass\u2060word", "password"),
        ("\uff41\uff42", "ab"),
        ("<span class='x'>a</span>=<b>c</b>", "a=c"),
        (base64.b64encode(b"password=abcdefgh").decode(), "password=abcdefgh"),
        (base64.urlsafe_b64encode(b'{"a":"?>?>?>","b":1}').decode().rstrip("="), '{"a":"?>?>?>","b":1}'),
        (base64.b64encode("password".encode("utf-16-le")).decode(), "password"),
        (b"password=abc".hex(), "password=abc"),
        (json.dumps(json.dumps(json.dumps('"a"'))), '""""a""""'),
        (base64.b64encode(b"a%253Db%2520cdefgh").decode(), "a=b cdefgh"),
    ],
)
def test_layers_are_decoded_until_the_text_is_plain(text: str, plain: str) -> None:
    """Each encoding alone, and one inside the other."""
    assert _last(text).text == plain


@pytest.mark.parametrize(
    "text",
    [
        "GET /cart/17 200 in 5 ms",
        r"C:\Users\svc",
        "commit 713942626104c0ffee713942626104c0ffee7139",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB",
        "/usr/lib/python3.11/site-packages/google/auth/_default.py",
        "com.acme.shop.cart.CartServiceImplementationFactory",
    ],
)
def test_text_without_an_encoding_has_no_other_view(text: str) -> None:
    """Paths, hashes, images and names encode no text."""
    assert [view.text for view in views(View(text))] == [text]


def test_part_of_a_view_comes_from_a_part_of_the_text() -> None:
    """Through two layers, to the first and last character of what was decoded."""
    text = json.dumps({"msg": json.dumps({"key": 'a"b'}), "n": 1})
    view = _last(text)
    start = view.text.index('a"b')

    first, last = view.source(start, start + 3)

    assert text[first:last] == 'a\\\\\\"b'


def test_part_of_an_encoded_run_comes_from_the_whole_run() -> None:
    """What is left of a run could be decoded; so nothing of it is left."""
    run = base64.b64encode(b"password=abcdefgh; x=1").decode()
    view = _last(f"body {run} end")
    start = view.text.index("abcdefgh")

    first, last = view.source(start, start + 8)

    assert f"body {run} end"[first:last] == run


def test_view_leaves_out_entries_that_do_not_change() -> None:
    """A log of which one line is encoded is not searched twice."""
    text = BORDER.join(["one", "two%3D2", "three", "four%3D4", "five"])
    view = _last(text)
    start = view.text.index("4")

    assert view.text == BORDER.join(["two=2", "four=4"])
    assert view.source(start, start + 1) == (text.index("4"), text.index("4") + 1)


def test_entries_are_joined_at_the_chosen_borders() -> None:
    """The rest of a value stands in the next entry."""
    text = BORDER.join(["one", "passw", "ord=x", "two"])
    view = joined(text, [text.index("passw") + 5])

    assert view.text == "password=x"
    assert view.source(0, 10) == (text.index("passw"), text.index("ord=x") + 5)
    assert [text[start:end] for start, end in entries(text)] == ["one", "passw", "ord=x", "two"]


def test_layers_are_bounded() -> None:
    """A text that was encoded a hundred times takes as long as one that was encoded a few times."""
    text = "a%" + "25" * 100 + "3Db"

    assert len(list(views(View(text)))) <= 2 * MAX_LAYERS + 1


def test_decoded_text_marks_no_border_and_no_placeholder() -> None:
    """The characters that mark them cannot be smuggled in by an escape."""
    assert BORDER not in _last(r"a\n\u0000\nb").text
    assert "\ue000" not in _last(r"a\ue000b").text
