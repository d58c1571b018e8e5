"""Text of others shows what it holds and does nothing."""

import time

import pytest

from shared.text.harmless import defanged, one_line, unmistakable, unreferring, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text: 10.4.0.7:5432 at 12:30", "plain text: 10.4.0.7:5432 at 12:30"),
        ("com.acme.Cart.add(Cart.java:17)", "com.acme.Cart.add(Cart.java:17)"),
        ("std::io::Error in shop::cart", "std::io::Error in shop::cart"),
        ("C:\\logs\\app.log", "C:\\logs\\app.log"),
        ("see https://evil.example/a.b?c=d", "see https[:]//evil[.]example/a.b?c=d"),
        ("HTTPS://EVIL.example", "HTTPS[:]//EVIL[.]example"),
        ("https:\\\\evil.example", "https[:]\\\\evil[.]example"),
        ("www.evil.example", "www[.]evil.example"),
        ("mailto:eve@example.com", "mailto[:]eve[@]example.com"),
        ("ask ops@example.com", "ask ops[@]example.com"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("slack://open?team=T1", "slack[:]//open?team=T1"),
        ("見るhttps://evil.example/x", "見るhttps[:]//evil[.]example/x"),
        ("_https://evil.example, 1http://evil.example", "_https[:]//evil[.]example, 1http[:]//evil[.]example"),
        ("見るwww.evil.example", "見るwww[.]evil.example"),
        ("見るmailto:eve", "見るmailto[:]eve"),
        ("jdbc:postgresql://db.internal:5432/shop", "jdbc:postgresql[:]//db[.]internal:5432/shop"),
    ],
)
def test_no_address_is_a_link(text: str, expected: str) -> None:
    """And what only looks like one stays readable."""
    assert defanged(text) == expected
    assert defanged(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fixes #12", "fixes # 12"),
        ("closes acme/shop#12", "closes acme/shop# 12"),
        ("resolve GH-7", "resolve GH- 7"),
        ("thanks @octocat and @acme/oncall", "thanks @ octocat and @ acme/oncall"),
        ("closes https://github.com/acme/shop/issues/3", "closes https[:]//github[.]com/acme/shop/issues/3"),
        ("tidy [skip ci]", "tidy (skip ci)"),
        ("tidy [ci skip]", "tidy (ci skip)"),
        ("tidy [no actions]", "tidy (no actions)"),
        ("tidy [of [skip ci]]", "tidy [of (skip ci)]"),
        ("見るGH-7 [見るskip ci]", "見るGH- 7 (見るskip ci)"),
        ("tidy\n\nskip-checks: true", "tidy skip-checks: true"),
        ("read items[no] of [1, 2]", "read items(no) of [1, 2]"),
        ("use C# and ## heads", "use C# and ## heads"),
    ],
)
def test_commit_mentions_nobody_closes_nothing_and_skips_no_check(text: str, expected: str) -> None:
    """Trailers need a line of their own, and these texts have none."""
    assert unreferring(text) == expected


@pytest.mark.parametrize("part", ["a.", "a+", "[", "[a ", "www.", ":/", "://", "@a-", "GH-", "data:"])
def test_time_is_linear_in_the_length(part: str) -> None:
    """Log lines may be written to be slow to read: what takes seconds where it is quadratic."""
    started = time.process_time()
    unreferring(part * (200_000 // len(part)))
    assert time.process_time() - started < 5


def test_hidden_marks_are_written_as_their_codes() -> None:
    """Also those of terminals; letters of every language stay."""
    assert visible("a\u202eb\u200b\x1b[31m\r\ud800") == "a⟨U+202E⟩b⟨U+200B⟩⟨U+001B⟩[31m⟨U+000D⟩⟨U+D800⟩"
    assert visible("Bestellung für 山田\n\tline") == "Bestellung für 山田\n\tline"
    assert one_line("a\n*Do now:*\u2028b") == "a *Do now:* b"


def test_characters_that_are_not_drawn_are_hidden_too() -> None:
    """Code may be named by them, and a run of selectors may hold a whole program."""
    assert visible("timeout,\u3164 = q") == "timeout,⟨U+3164⟩ = q"
    assert visible("x = '\ufe01\U000e0101\u2800'") == "x = '⟨U+FE01⟩⟨U+E0101⟩⟨U+2800⟩'"
    assert visible("a\u034fb") == "a⟨U+034F⟩b"


def test_sign_keeps_its_colour() -> None:
    """One selector behind a symbol chooses its picture; a second one does nothing."""
    assert visible("\u26a0\ufe0f hot") == "\u26a0\ufe0f hot"
    assert visible("\u26a0\ufe0f\ufe0f") == "\u26a0\ufe0f⟨U+FE0F⟩"


def test_look_alike_in_a_latin_word_is_written_as_its_code() -> None:
    """Words of other languages stay."""
    assert unmistakable("if us\u0435r.admin:") == "if us⟨U+0435⟩r.admin:"
    assert (
        unmistakable("\u0437\u0430\u043a\u0430\u0437 = 'Stückzahl'") == "\u0437\u0430\u043a\u0430\u0437 = 'Stückzahl'"
    )
