"""Fill a `prompt.md`: every name in it must be given, every name given must be in it."""

import re
from collections.abc import Mapping

_NAME = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")


def fill(template: str, facts: Mapping[str, str]) -> str:
    """
    Return `template` with each `{{name}}` replaced by its fact; facts are never scanned for names themselves.

    Raises ValueError naming what is missing from the facts or unknown to the template.
    """
    wanted, given = set(_NAME.findall(template)), set(facts)
    if wanted != given:
        raise ValueError(f"prompt names without a fact: {sorted(wanted - given)}; unknown: {sorted(given - wanted)}")
    return _NAME.sub(lambda found: facts[found[1]], template)
