"""Stored text in a terminal: no markup, no control byte."""

import io

from rich.live import Live
from rich.table import Table
from rich.text import Text

from infra.local.terminal import Terminal

HOSTILE = "x[/nope]y [link=https://evil.example]z[/link] \x1b]0;owned\x07\x1b[2J\u202egpj \r"
EXPECTED = "x[/nope]y [link=https://evil.example]z[/link] ⟨U+001B⟩]0;owned"


def terminal(**options: object) -> Terminal:
    """A terminal that writes into a text, 200 columns wide."""
    return Terminal(file=io.StringIO(), width=200, **options)


def written(console: Terminal) -> str:
    """Return what was written."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_stored_text_is_printed_as_it_is() -> None:
    """As a line, styled, as a cell and while it is drawn again and again."""
    console = terminal()
    table = Table("Incident")
    table.add_row(HOSTILE)
    with Live(Text(HOSTILE), console=console):
        pass
    for item in (HOSTILE, Text(HOSTILE, "bold"), table):
        console.print(item)

    out = written(console)
    assert out.count(EXPECTED) >= 3
    assert not set(out) & {"\x1b", "\x07", "\r", "\u202e"}


def test_our_own_styles_stay() -> None:
    """Colours are ours, so a terminal gets them."""
    console = terminal(force_terminal=True, color_system="standard")
    console.print(Text("red", "red"))

    assert "\x1b[31mred\x1b[0m" in written(console)
