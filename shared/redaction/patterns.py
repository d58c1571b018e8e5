"""Regular expressions that are compiled when they are first used: most never are, and cold starts stay short."""

import re
from collections.abc import Callable, Iterator
from functools import cached_property

_Find = Callable[..., re.Match[str] | None]


class Pattern:
    """A regular expression, compiled once, at its first use."""

    def __init__(self, shape: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.shape = shape
        self._flags = flags

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.shape, self._flags)

    @cached_property
    def match(self) -> _Find:
        """As `re.Pattern.match`."""
        return self._compiled.match

    @cached_property
    def fullmatch(self) -> _Find:
        """As `re.Pattern.fullmatch`."""
        return self._compiled.fullmatch

    @cached_property
    def search(self) -> _Find:
        """As `re.Pattern.search`."""
        return self._compiled.search

    @cached_property
    def finditer(self) -> Callable[..., Iterator[re.Match[str]]]:
        """As `re.Pattern.finditer`."""
        return self._compiled.finditer

    @cached_property
    def findall(self) -> Callable[[str], list[str]]:
        """As `re.Pattern.findall`, of an expression without groups."""
        return self._compiled.findall

    @cached_property
    def split(self) -> Callable[[str], list[str]]:
        """As `re.Pattern.split`, of an expression without groups."""
        return self._compiled.split

    @cached_property
    def sub(self) -> Callable[..., str]:
        """As `re.Pattern.sub`."""
        return self._compiled.sub
