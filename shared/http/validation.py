"""What is wrong with a body, in one sentence."""

from pydantic import ValidationError

from shared.bounds import clip

MAX_PROBLEMS = 5


def sentence(error: ValidationError, root: str = "body") -> str:
    """
    Return each wrong field with what is wrong about it, at most five; `root` names the whole.

    Values are left out: they may be secrets.
    """
    problems = error.errors(include_input=False, include_url=False)
    named = [f"{_place(problem['loc'], root)}: {clip(problem['msg'], 160)}" for problem in problems[:MAX_PROBLEMS]]
    more = len(problems) - len(named)
    return "; ".join(named) + (f"; and {more} more" if more else "")


def places(error: ValidationError, root: str = "body") -> str:
    """Return the wrong fields without what is wrong about them."""
    return ", ".join(_place(problem["loc"], root) for problem in error.errors(include_input=False)[:MAX_PROBLEMS])


def _place(location: tuple[int | str, ...], root: str) -> str:
    return clip(".".join(map(str, location)), 120) or root
