"""Find who owns a path by the rules of a CODEOWNERS file.

Source: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pathspec.patterns.gitignore.base import GitIgnorePatternError
from pathspec.patterns.gitignore.basic import GitIgnoreBasicPattern

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks; the first that exists counts."""

_WORD = re.compile(r"(?:[^\s\\]|\\.)+")


@dataclass(frozen=True)
class OwnerRule:
    """One line: who owns the paths that a pattern matches."""

    pattern: GitIgnoreBasicPattern
    is_direct: bool
    """Whether only the files of a folder itself are meant: `docs/*`, unlike in .gitignore."""
    owners: tuple[str, ...]

    def matches(self, path: str) -> bool:
        """Return whether the rule is about this path."""
        is_deeper = self.is_direct and self.pattern.match_file(posixpath.dirname(path))
        return self.pattern.match_file(path) is not None and not is_deeper


def owners(text: str, paths: Sequence[str]) -> list[str]:
    """Return the owners of `paths`, logins and `org/team`, each once; the last rule that matches a path counts."""
    rules = [rule for line in text.splitlines() if (rule := _rule(line))]
    owners_of_all: list[str] = []
    for path in paths:
        owners_of_all += next((rule.owners for rule in reversed(rules) if rule.matches(path)), ())
    return list(dict.fromkeys(owners_of_all))


def _rule(line: str) -> OwnerRule | None:
    """Return the rule of a line, or None: GitHub skips what it cannot read, and knows no negation."""
    text, *names = _WORD.findall(re.sub(r"(^|\s)#.*", "", line)) or ("!",)
    if text.startswith("!") or not text.strip("/"):
        return None
    try:
        # GitHub knows no ranges of characters.
        pattern = GitIgnoreBasicPattern(re.sub(r"(?<!\\)\[", r"\\[", text))
    except GitIgnorePatternError:
        return None
    is_direct = text.endswith("/*") and not text.endswith("**/*")
    # An owner named by mail alone has no account to request a review from.
    return OwnerRule(pattern, is_direct, tuple(name[1:] for name in names if name.startswith("@")))
