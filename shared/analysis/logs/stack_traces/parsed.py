"""What a parser returns: an exception, its frames, and the others of its chain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from shared.analysis.logs.stack_traces import ownership
from shared.contracts import Language

UNKNOWN_TYPE = "exception"
"""Of a trace that names no type; it stands in sentences."""
MAX_FRAMES = 40
MAX_OUTER_FRAMES = 8


class TraceFrame(NamedTuple):
    """One stack frame, with the fields of the contract's Frame, which takes four times the memory and CPU."""

    path: str
    line: int | None
    function: str = ""
    code: str = ""
    in_app: bool = False


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception of a chain; frames outermost first, the raising one last."""

    type: str
    message: str
    frames: tuple[TraceFrame, ...]

    def __str__(self) -> str:
        """Return `Type: message`."""
        return f"{self.type}: {self.message}" if self.message else self.type

    @property
    def has_app_frame(self) -> bool:
        """Return whether the service's own code is on the stack."""
        return any(frame.in_app for frame in self.frames)


@dataclass(frozen=True, slots=True)
class ParsedTrace:
    """The exception that best explains the trace, and the rest of its chain."""

    language: Language
    raised: Raised
    others: tuple[Raised, ...] = ()

    @property
    def shape(self) -> tuple[object, ...]:
        """What traces of one shape have in common: the type and the functions of the deepest frames."""
        frames = self.raised.frames[-12:]
        return (self.language, self.raised.type, tuple((frame.path, frame.function) for frame in frames))


def frame(path: str, line: int | None, function: str = "", code: str = "") -> TraceFrame:
    """Return a frame; ownership is decided later."""
    return TraceFrame(path, line, function, code.strip())


def owned(raised: Raised, language: Language, own_names: Sequence[str]) -> Raised:
    """Return the exception with each frame marked as the service's own or not, at most MAX_FRAMES of them."""
    frames = raised.frames
    if len(frames) > MAX_FRAMES:
        # Endless recursion fills thousands of frames: the first and the last ones explain it.
        frames = frames[:MAX_OUTER_FRAMES] + frames[MAX_OUTER_FRAMES - MAX_FRAMES :]
    marked = tuple(one._replace(in_app=ownership.is_own(language, one.path, one.function, own_names)) for one in frames)
    return replace(raised, frames=marked)


def explaining_exception(chain: Sequence[Raised]) -> Raised:
    """
    Return the exception of a chain that explains it best; `chain` has the outermost wrapper first.

    It is the innermost one with the service's own code on its stack: an explicit cause is a statement of the author
    ("this because of that"). Without own code it is the innermost one with a stack, else the innermost.
    """
    for raised in reversed(chain):
        if raised.has_app_frame:
            return raised
    return next((raised for raised in reversed(chain) if raised.frames), chain[-1])
