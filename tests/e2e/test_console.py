"""The console in a browser, on the whole system: from the form that starts a run to the postmortem."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cli import demo
from infra.local.scenarios.build import build
from infra.local.stack.model_choice import ModelChoice
from infra.local.stack.stack import Options, Stack
from shared import clock
from tests.browser import AXE, SIZES, Browser, needs_chromium

RUN_S = 90.0
pytestmark = needs_chromium


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole system in PR_MODE=approval, with a model that takes a second for each answer."""
    folder = tmp_path_factory.mktemp("console")
    built = build(demo.SCENARIO, folder / "scenario", clock.now())
    options = Options(settings={"PR_MODE": "approval"}, model=ModelChoice("sandbox", latency_s=1.0))
    with Stack(folder, built, options) as running:
        yield running


@pytest.fixture(scope="module")
def browser(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser."""
    with Browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def incident(stack: Stack, browser: Browser) -> str:
    """The page of an incident that was started from the form and has been worked on, seen live; it is open."""
    browser.open(stack.console_url)
    browser.follow("a[href='/runs/new']")
    browser.write("#service", stack.built.service_name)
    browser.write("#minutes", "30")
    browser.write("#by-run", "Ada")
    browser.follow("form.act button")
    browser.wait("location.pathname.startsWith('/incidents/inc-') && document.querySelector('#incident .live')")
    page = str(browser.value("location.origin + location.pathname"))
    browser.value("window.isSamePage = true")
    states: set[int] = set()
    deadline = time.monotonic() + RUN_S
    while browser.value("!!document.querySelector('#incident .live')") and time.monotonic() < deadline:
        states.add(browser.value("document.querySelectorAll('.step.done, .step.degraded').length"))
        time.sleep(0.3)
    assert len(states) > 1, f"the steps were seen in the states {states}"
    assert browser.value("window.isSamePage"), "the page was loaded anew"
    return page


def test_run_starts_from_the_form_and_its_steps_turn_done_without_reload(browser: Browser, incident: str) -> None:
    """The page of the new incident opens by itself, and ends with its brief."""
    browser.open(incident)

    assert "full brief" in browser.value("document.querySelector('.badges').innerText")
    done = "document.querySelectorAll('.step.done, .step.degraded').length"
    assert browser.value(done) >= 6
    assert browser.complaints == []


def test_evidence_prompt_and_diff_open(browser: Browser, incident: str) -> None:
    """Each by a click on its summary."""
    browser.open(incident)

    browser.click("details[id^='around-'] > summary")
    browser.wait("document.querySelector('details[id^=around-][open] .logline')")
    browser.click("#agents details[id^='run-']:has(details[id*='-turn-']) > summary")
    browser.click("#agents details[id^='run-'] details[id*='-turn-'] > summary")
    prompt = browser.wait("document.querySelector('details[id*=-turn-][open] pre')?.innerText")
    assert ">>> gemini" in prompt
    browser.click("details[id^='commit-'] > summary")
    assert browser.value("document.querySelector('details[id^=commit-][open] .dline.changed').offsetHeight") > 0
    assert browser.value("document.querySelector('#patch .dline.changed').offsetHeight") > 0
    assert browser.complaints == []


def test_approval_is_reached(browser: Browser, incident: str) -> None:
    """From the incident's page to the form that asks for the code of the mail."""
    browser.open(incident)

    browser.follow("a.button.primary[href*='incident=']")

    assert browser.value("!!document.querySelector('input[name=code]')")
    assert "Approve a change" in browser.value("document.title")


def test_postmortem_is_downloaded(browser: Browser, incident: str, tmp_path: Path) -> None:
    """As a file of the incident's name."""
    browser.open(incident)
    browser.save_downloads(tmp_path)

    browser.click("a[href$='/postmortem.md']")
    name = f"{incident.rpartition('/')[2]}.md"
    deadline = time.monotonic() + 20
    while not (tmp_path / name).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "## Timeline (UTC)" in (tmp_path / name).read_text()


def test_cause_is_judged_and_the_service_muted_in_the_browser(browser: Browser, incident: str) -> None:
    """The page says each by itself, a moment later, and what came of it."""
    status = "document.querySelector('[role=status]')?.innerText"
    browser.open(incident)
    browser.click("#verdict-right")
    browser.write("#judge-note", "It was the discount.")
    browser.write("#by-judge", "Ada")
    browser.follow("form[action$='/judge'] button")
    browser.wait(f"{status}?.includes('judged the cause right')")
    assert "judged the cause right" in browser.value("document.querySelector('#people').innerText")
    assert "It was the discount." in browser.value("document.querySelector('#people').innerText")

    browser.write("#by-mute", "Ada")
    browser.follow("form[action$='/mute'] button")
    browser.wait(f"{status}?.includes('Ada muted')")
    assert "muted by Ada until" in browser.value("document.querySelector('#act').innerText")

    browser.write("#by-unmute", "Ada")
    browser.follow("form[action$='/unmute'] button")
    browser.wait(f"{status}?.includes('be heard again')")
    assert browser.value("!!document.querySelector('form[action$=\"/mute\"]')")
    assert browser.complaints == []


def test_keyboard_alone_works(browser: Browser, stack: Stack, incident: str) -> None:
    """Tab reaches the skip link, the form and the incident in turn, each seen; Enter opens it."""
    browser.open(stack.console_url)

    for _ in range(25):
        browser.press("Tab")
        place = browser.value("document.activeElement.matches('a.name') ? document.activeElement.pathname : ''")
        outline = browser.value("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
        if place:
            break
    assert place == incident.partition("127.0.0.1")[2].partition("/")[2].join(["/", ""])
    browser.press("Enter")
    browser.wait("document.querySelector('#incident')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", sorted(SIZES))
def test_no_page_scrolls_sideways_and_axe_sees_nothing_serious(
    browser: Browser, stack: Stack, incident: str, size: str, scheme: str
) -> None:
    """At the width of a phone and of a desktop, light and dark, with everything opened."""
    browser.size(size, scheme)
    root = stack.console_url.removesuffix("/incidents")
    for path in ("/incidents", "/runs/new", f"/incidents/{incident.rpartition('/')[2]}"):
        browser.open(f"{root}{path}")
        browser.value("document.querySelectorAll('details').forEach(each => { each.open = true })")
        browser.wait("!document.querySelector('.htmx-request')")
        wide = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        whole, seen = browser.value(wide)
        assert whole <= seen, (path, whole, seen)
        browser.screenshot(browser.folder / f"{size}-{scheme}-{path.rpartition('/')[2][:8]}.png")
        if AXE.exists():
            assert browser.serious() == [], path
    browser.value("document.querySelector('#act').scrollIntoView({behavior: 'instant'})")
    browser.screenshot(browser.folder / f"{size}-{scheme}-act.png")
    assert browser.complaints == []
