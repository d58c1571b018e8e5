"""What a reader sees of a text, and a model's prose made inert."""
# ruff: noqa: RUF001  # look-alikes are the subject

import re
import time
import unicodedata

import pytest
from hypothesis import given, strategies

from shared.text.plain_text import as_rendered, inert

ALIKE = "aeopcxyi аеорсхуі οανρικ ．／：。‐⁄\u200b\u200d\u202e\u2066\u00ad\ufe0f\u0301\u034f\u3164 `*_\n\t…½"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("r\u200bm -rf /var", "rm -rf /var"),
        ("\u202edrop table\u202c", "drop table"),
        ("\uff52\uff4d \uff0d\uff52\uff46 \uff0fvar", "rm -rf /var"),
        ("𝗄𝗎𝖻𝖾𝖼𝗍𝗅 delete", "kubectl delete"),
        ("еvil.example", "evil.example"),
        ("аррӏе.com", "apple.com"),
        ("evil。example", "evil.example"),
        ("ev\u00adil.ex\u2060ample", "evil.example"),
        ("evil\ufe0f.example", "evil.example"),
        ("rm \u2212rf", "rm -rf"),
        ("http:\u2044\u2044evil", "http://evil"),
        ("a\u2028b", "a b"),
        ("\x1b[31mred\x07", "[31mred"),
        ("one\n\ttwo", "one\n\ttwo"),
        ("half a \ud800 pair", "half a  pair"),
    ],
)
def test_text_is_what_a_reader_sees(text: str, seen: str) -> None:
    """What is not drawn is gone, and what only looks otherwise has its plain form."""
    assert as_rendered(text) == seen


@pytest.mark.parametrize(
    "text", ["Ошибка подключения к базе", "データベース。接続", "μs → 2 × 3 …", "größer", "naïve café"]
)
def test_other_scripts_stay_as_they_are(text: str) -> None:
    """A word is folded only where it mixes Latin letters with look-alikes."""
    assert as_rendered(text) == unicodedata.normalize("NFC", text)


@given(strategies.one_of(strategies.text(), strategies.text(strategies.sampled_from(ALIKE))))
def test_what_is_rendered_once_stays(text: str) -> None:
    """A check and a page that apply it once more see the same."""
    seen = as_rendered(text)

    assert as_rendered(seen) == seen
    assert not [char for char in seen if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char not in "\n\t"]


@pytest.mark.parametrize(
    ("prose", "text"),
    [
        ("Run `kubectl get pods` **now**", "Run 'kubectl get pods' now"),
        ("It fails.\n*Do now:* reboot", "It fails. Do now: reboot"),
        ("```sh\nreboot\n```", "'sh reboot '"),
        ("GET <*> took <*> ms", "GET <*> took <*> ms"),
        ("it is 2*3*4", "it is 2*3*4"),
        ("r\u200bm `-rf`", "rm '-rf'"),
        ("see http://db.internal:5432/a and HTTPS://evil.example", "see db.internal:5432/a and evil.example"),
        ("h\u200bttp://evil.example", "evil.example"),
        ("POST https:/… is a template", "POST https:/… is a template"),
    ],
)
def test_prose_of_a_model_is_one_plain_line(prose: str, text: str) -> None:
    """No line of its own, no code style, no emphasis; templates stay complete."""
    assert inert(prose) == text


@given(strategies.one_of(strategies.text(), strategies.text(strategies.sampled_from(ALIKE))))
def test_inert_prose_has_no_line_and_no_code(text: str) -> None:
    """Whatever a model writes, also once more."""
    prose = inert(text)

    assert not {"`", "\n"} & set(prose)
    assert not re.search(r"://[^\W_]", prose)
    assert inert(prose) == as_rendered(prose) == prose


SCHEME = re.compile(r"[\w+.-]{0,64}:/{2,}(?=[\w\[])")
EMPHASIS = re.compile(r"(?<![\w<*])\*{1,3}(?=[^\s*>])([^*]*[^\s*])\*{1,3}(?![\w*>])")


@given(strategies.lists(strategies.sampled_from([*"a9:/[*>`. +-_", "://", "**", "x" * 63, "x" * 64])).map("".join))
def test_addresses_and_emphasis_go_as_one_expression_of_each_says(text: str) -> None:
    """A search from the slashes or from the first mark is faster, and finds the same."""
    bare = " ".join(EMPHASIS.sub(r"\1", SCHEME.sub(" ", re.sub("`+", "'", text))).split())

    assert inert(text) == inert(bare) if bare != text else inert(text) == text


@pytest.mark.parametrize(
    ("before", "core", "behind"),
    [
        ("://", "a", ""),
        ("://", "", "a "),
        (":://", "a", "_а://**".replace("а", "\u0430")),
        ("./**a", "!", "_**/"),
        ("*", "a", "*"),
    ],
)
def test_deeply_nested_marks_take_linear_time_and_are_gone(before: str, core: str, behind: str) -> None:
    """A model may write them to hold a step up: with a pass for each it was minutes."""
    started = time.process_time()
    text = inert(before * 20_000 + core + behind * 20_000)
    assert time.process_time() - started < 10
    assert inert(text) == text
