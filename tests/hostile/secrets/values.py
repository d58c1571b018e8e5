"""
Fresh values for lines of a corpus: every run of a seed gives the same ones, and none stands in the repository.

A line is a template. `⟦…⟧` marks the secret in it; `%` and a letter stand for characters that are drawn, `%a12` for
twelve of them: a letters and digits, h hexadecimal, H capitals of it, d digits, l small letters, A capitals and digits,
b base64, u base64 for URLs, z base32. `%U` is a UUID, `%p` a password of letters, digits and signs, `%w` one of small
letters, `%q` one of signs that escapes touch, `%n` a name of a host, `%B` base64 of a user and a password, `%J` of a
JSON object.
"""

import base64
import json
import random
import re
import string
import uuid
from dataclasses import dataclass

_ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "h": "0123456789abcdef",
    "H": "0123456789ABCDEF",
    "d": string.digits,
    "l": string.ascii_lowercase,
    "A": string.ascii_uppercase + string.digits,
    "b": string.ascii_letters + string.digits + "+/",
    "u": string.ascii_letters + string.digits + "-_",
    "z": string.ascii_uppercase + "234567",
}
_SYLLABLES = [
    *("ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "qui", "ro", "su", "ta", "ve", "wi"),
    *("xo", "zy", "bri", "cla", "dro", "fle", "gri", "plo", "ste", "tru"),
]
_CODE = re.compile(r"%(?:([ahHdlAbuz])(\d+)|([UpwqnBJ]))")
_SECRET = re.compile(r"⟦(.*?)⟧", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One or more entries of a log, and the secrets in them, as they stand there."""

    kind: str
    entries: tuple[str, ...]
    secrets: tuple[str, ...] = ()


class Values:
    """Draws values; equal seeds draw equal values."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def line(self, kind: str, template: str) -> Line:
        """Return the template with its values; `␞` divides it into entries."""
        secrets: list[str] = []

        def drawn(match: re.Match[str]) -> str:
            secrets.append(self.text(match[1]))
            return secrets[-1]

        filled = self.text(_SECRET.sub(drawn, template))
        return Line(kind, tuple(filled.split("␞")), tuple(secrets))

    def text(self, template: str) -> str:
        """Return a template with its values."""
        return _CODE.sub(self._drawn, template)

    def _drawn(self, match: re.Match[str]) -> str:
        if match[1]:
            return self._characters(match[1], int(match[2]))
        return str(getattr(self, f"_{match[3]}")())

    def _characters(self, name: str, count: int) -> str:
        text = "".join(self._rng.choices(_ALPHABETS[name], k=count))
        # A key of letters alone is possible and too rare to draw.
        return text if count < 8 or name in "dl" or re.search(r"\d", text) else self._characters(name, count)

    def _U(self) -> str:  # noqa: N802  # named by its code, as the others are
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def _w(self) -> str:
        return "".join(self._rng.choices(_SYLLABLES, k=5))

    def _p(self) -> str:
        word = "".join(self._rng.choices(_SYLLABLES, k=2)).title()
        return f"{word}{self._rng.choice('!#*+_.-')}{self._rng.randrange(10, 9999)}{self._rng.choice('xyzQRS')}"

    def _q(self) -> str:
        first, second, third = (self._characters("a", count) for count in (5, 3, 2))
        return f"{first}&{second}<9{third}/{self._rng.randrange(99)}z"

    def _n(self) -> str:
        return f"{self._rng.choice(('db', 'cache', 'queue', 'node'))}-{self._rng.randrange(1, 40)}"

    def _B(self) -> str:  # noqa: N802
        return base64.b64encode(f"{self._w()}:{self._p()}".encode()).decode()

    def _J(self) -> str:  # noqa: N802
        body = json.dumps({"sub": self._w(), "iat": self._rng.randrange(10**9), "role": self._w()})
        return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")
