"""The console's colours: every text can be read on what it stands on, on light and on dark pages."""

import re

import pytest

from infra import bundle

CSS = (bundle.FUNCTIONS / "incident_console" / "static" / "console.css").read_text()
TEXTS = ("text", "quiet", "link", "critical", "high", "medium", "low", "good", "warn")
GROUNDS = ("page", "soft")
PAIRS = [
    *((text, ground) for text in TEXTS for ground in GROUNDS),
    *(("text", ground) for ground in ("added", "removed", "hit")),
    ("on-accent", "accent"),
]
MIN_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3."""


def colours(scheme: str) -> dict[str, str]:
    """Return the colours of a scheme by their names."""
    light, dark = re.findall(r":root\{([^}]*)\}", CSS)[:2]
    pairs = [part.split(":") for part in (light if scheme == "light" else dark).split(";") if "#" in part]
    return {name.strip().removeprefix("--"): value.strip() for name, value in pairs}


def luminance(colour: str) -> float:
    """Return the relative luminance of #rgb or #rrggbb."""
    digits = colour.removeprefix("#")
    digits = "".join(digit * 2 for digit in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(scheme: str, text: str, ground: str) -> None:
    """At least 4.5 to 1."""
    named = colours(scheme)
    lighter, darker = sorted((luminance(named[text]), luminance(named[ground])), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= MIN_CONTRAST
