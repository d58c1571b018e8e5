"""Fill a `prompt.md`: its names and the names of the facts must be the same."""

import re
from collections.abc import Mapping

_NAME = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")


def fill(template: str, facts: Mapping[str, str]) -> str:
    """
    Return `template` with each `{{name}}` replaced by its fact; facts are never scanned for names themselves.

    Raises ValueError naming what is missing from the facts or unknown to the template.
    """
    expected, names = set(_NAME.findall(template)), set(facts)
    if expected != names:
        missing, unknown = sorted(expected - names), sorted(names - expected)
        raise ValueError(f"prompt names without a fact: {missing}; facts unknown to the prompt: {unknown}")
    return _NAME.sub(lambda match: facts[match[1]], template)
