"""The terminal of the local commands: stored text is shown as it is, whatever it holds."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from shared.text.harmless import visible


class Terminal(Console):
    """
    A console that reads no markup in what it prints, and writes control and hidden characters as their codes.

    Logs, alerts and traces are printed here, and anybody may have written them.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "highlight": False, "emoji": False, **options})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render anything; what moves the cursor is rich's own and comes as control codes, apart from text."""
        for segment in super().render(renderable, options):
            is_ours = segment.control is not None
            yield segment if is_ours else Segment(visible(segment.text), segment.style)
