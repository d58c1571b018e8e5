"""Each kind of message as a phone and a laptop show it, in light and in dark, laid out by Chromium."""

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.briefs.gallery import KINDS, Message
from tests.chromium import Browser, browser, installed

PHONE, LAPTOP, HEIGHT = 390, 800, 844
SCREENS = list(product((PHONE, LAPTOP), (False, True)))
MIN_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3; as for small text, whatever its size."""
GMAIL_CLIPS = 102 * 1024
BRIEFS = [name for name in KINDS if name not in ("update", "resolution")]
CONTRASTS = """
(() => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => parts(colour).slice(0, 3).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if ((parts(colour)[3] ?? 1) > 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const rows = [];
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (!node.data.trim() || !box.width || !box.height) continue;
    const [one, other] = [light(getComputedStyle(node.parentElement).color), light(ground(node.parentElement))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    rows.push([Math.round(ratio * 100) / 100, node.data.trim().slice(0, 60)]);
  }
  return rows;
})()
"""
BOTTOM_OF = """
(text => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    if (!node.data.includes(text)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    return range.getBoundingClientRect().bottom;
  }
  return null;
})(%s)
"""

pytestmark = pytest.mark.skipif(
    installed() is None, reason="no Chromium is installed: Debian's package chromium has one; nothing else lays out"
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser for all messages."""
    with browser(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def message(request: pytest.FixtureRequest) -> Message:
    """A message of the kind that the test names."""
    return KINDS[request.param]()


def of(kinds: Any = tuple(KINDS)) -> pytest.MarkDecorator:
    """Return the mark that runs a test for each of these kinds."""
    return pytest.mark.parametrize("message", kinds, indirect=True)


@of()
def test_page_fits_its_screen_without_scrolling_sideways(chromium: Browser, message: Message) -> None:
    """On a phone and on a laptop."""
    for width, is_dark in SCREENS:
        chromium.show(message.page, width, HEIGHT, is_dark=is_dark)

        assert chromium.value("document.documentElement.scrollWidth") <= width


@of()
def test_every_text_can_be_read_in_light_and_in_dark(chromium: Browser, message: Message) -> None:
    """Each text against what it stands on, as computed."""
    for width, is_dark in SCREENS:
        chromium.show(message.page, width, HEIGHT, is_dark=is_dark)
        contrasts = chromium.value(CONTRASTS)

        assert contrasts
        assert [row for row in contrasts if row[0] < MIN_CONTRAST] == []


@of()
def test_images_load_and_say_what_they_show(chromium: Browser, message: Message) -> None:
    """Each is part of the message, has its size, and words for whoever does not see it."""
    chromium.show(message.page, PHONE, HEIGHT, is_dark=False)

    images = chromium.value("[...document.images].map(one => [one.naturalWidth, one.alt, one.src.slice(0, 10)])")
    assert len(images) == len(message.images)
    assert all(width > 0 and len(alt) > 20 and source == "data:image" for width, alt, source in images)


@of()
def test_links_are_whole_addresses(chromium: Browser, message: Message) -> None:
    """A mail has no page to which an address could be relative."""
    chromium.show(message.page, PHONE, HEIGHT, is_dark=False)

    links = chromium.value("[...document.links].map(one => one.getAttribute('href'))")
    assert all(re.match(r"https?://[\w.-]+(?::\d+)?/", link) for link in links)


@of(BRIEFS)
def test_first_screen_of_a_phone_holds_what_broke_the_cause_and_what_to_do(chromium: Browser, message: Message) -> None:
    """Each ends above its lower edge: nobody scrolls at three in the morning."""
    chromium.show(message.page, PHONE, HEIGHT, is_dark=False)
    text = chromium.value("document.body.innerText")
    titles = ("WHY NO RESPONSE IS NEEDED",) if "WHY NO RESPONSE" in text else ("MOST LIKELY CAUSE", "DO NOW")

    for title in titles:
        first = next(line for line in text[text.index(title) + len(title) :].split("\n") if line.strip())
        words = first.strip().removeprefix("1. ")
        bottom = chromium.value(BOTTOM_OF % json.dumps(words))

        assert bottom is not None, words
        assert bottom <= HEIGHT, f"{title}: {words!r} ends at {bottom} px"


@of()
def test_html_is_valid_and_short_enough_for_gmail(message: Message) -> None:
    """No error by the HTML standard's own parser, and nothing that Gmail clips."""
    html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed: make install does")
    parser = html5lib.HTMLParser(strict=False)
    parser.parse(message.html)

    assert parser.errors == []
    assert len(message.html.encode()) < GMAIL_CLIPS


@pytest.mark.parametrize(
    ("planted", "check"),
    [
        ('<p style="width:900px">wide</p>', test_page_fits_its_screen_without_scrolling_sideways),
        ('<p style="color:#999;background:#fff">pale</p>', test_every_text_can_be_read_in_light_and_in_dark),
        ('<p><a href="/incident">here</a></p>', test_links_are_whole_addresses),
        ('<img src="cid:gone" alt="A chart of something">', test_images_load_and_say_what_they_show),
    ],
)
def test_planted_fault_is_noticed(chromium: Browser, planted: str, check: Any) -> None:
    """A check that cannot fail shows nothing."""
    message = KINDS["resolution"]()
    faulty = Message(message.subject, message.html.replace("</body>", f"{planted}</body>"))

    with pytest.raises(AssertionError):
        check(chromium, faulty)
