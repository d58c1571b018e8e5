"""Read the map `settings` of a file of variables: text by name, as HCL writes it."""

import re
from pathlib import Path

from shared import json_text

_MAP = re.compile(r"^settings\s*=\s*\{", re.MULTILINE)
_ENTRY = re.compile(r'\s*(?:#[^\n]*|//[^\n]*|"?([A-Za-z_][A-Za-z0-9_]*)"?\s*[=:]\s*("(?:[^"\\\n]|\\.)*")\s*,?|,)')


def settings(path: Path) -> dict[str, str]:
    """
    Return the settings of a file, empty ones left out; nothing without the file or the map.

    What is no plain text (a reference, a heredoc, a number) ends the reading: Terraform itself checks that.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    start = _MAP.search(text)
    values: dict[str, str] = {}
    at = start.end() if start else len(text)
    while match := _ENTRY.match(text, at):
        at = match.end()
        if match[1]:
            # HCL's escapes are JSON's, and `$${` is a plain `${`.
            values[match[1]] = str(json_text.parsed(match[2])).replace("$${", "${").strip()
    return {name: value for name, value in values.items() if value}
