"""Find who owns a path by the rules of a CODEOWNERS file.

Source: https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
"""

import re
from collections.abc import Sequence

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks; the first that exists counts."""

_WORD = re.compile(r"(?:[^\s\\]|\\.)+")
_TOKENS = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|\\.|.", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def owners(text: str, paths: Sequence[str]) -> list[str]:
    """Return the owners of `paths`, logins and `org/team`, each once; the last rule that matches a path counts."""
    rules = [rule for line in text.splitlines() if (rule := _rule(line))]
    names: list[str] = []
    for path in paths:
        names += next((rule_owners for pattern, rule_owners in reversed(rules) if pattern.fullmatch(path)), [])
    return list(dict.fromkeys(names))


def _rule(line: str) -> tuple[re.Pattern[str], list[str]] | None:
    words = _WORD.findall(re.sub(r"(^|\s)#.*", "", line))
    if not words:
        return None
    # An owner named only by email has no account to request a review from.
    return _pattern(words[0]), [word[1:] for word in words[1:] if word.startswith("@")]


def _pattern(rule: str) -> re.Pattern[str]:
    """Translate a rule: anchored when it has a slash before its end; a folder includes everything below it."""
    body = rule.strip("/")
    above = "" if "/" in rule.rstrip("/") else "(?:.*/)?"
    last = body.rsplit("/", 1)[-1]
    # `docs/*` means the files of docs itself, unlike in .gitignore.
    below = "/.*" if rule.endswith("/") else "" if "*" in last or "?" in last else "(?:/.*)?"
    return re.compile(above + "".join(_translated(token) for token in _TOKENS.findall(body)) + below)


def _translated(token: str) -> str:
    return _MEANING.get(token) or re.escape(token[-1] if token.startswith("\\") else token)
