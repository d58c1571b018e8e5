"""One check: what was looked at, how it is, and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from infra.doctor import variables
from shared.redaction import redact

State = Literal["ok", "wrong", "cannot tell"]
# Shorter values, such as "true", stand in texts by chance and are no secrets.
_MIN_SECRET_CHARS = 6
_STATE_CHARS = len("cannot tell")


@dataclass(frozen=True)
class Check:
    """One line for the operator; `fix` names the variable to change."""

    state: State
    what: str
    fix: str = ""

    def __str__(self) -> str:
        line = f"{self.state:<{_STATE_CHARS}}  {self.what}"
        return f"{line}. Fix: {self.fix}" if self.fix else line


def ok(what: str) -> Check:
    """Return that something works."""
    return Check("ok", what)


def wrong(what: str, fix: str) -> Check:
    """Return that something has to be changed."""
    return Check("wrong", what, fix)


def unknown(what: str, fix: str = "") -> Check:
    """Return that something could not be checked."""
    return Check("cannot tell", what, fix)


def without_secrets(checks: Iterable[Check], values: Mapping[str, str]) -> list[Check]:
    """Return the checks with no secret in their texts: none of a known form, and no value of a secret variable."""
    secrets = sorted({value for name, value in values.items() if _is_secret(name, value)}, key=len, reverse=True)
    return [replace(one, what=_clean(one.what, secrets), fix=_clean(one.fix, secrets)) for one in checks]


def _is_secret(name: str, value: str) -> bool:
    # The value of a misspelt name may be a secret too.
    row = variables.every().get(name)
    return len(value) >= _MIN_SECRET_CHARS and (row is None or row.is_secret)


def _clean(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "[secret]")
    return redact(" ".join(text.split()))
