"""
Identity-Aware Proxy's signed word on who sends a request.

The header alone proves nothing, as anybody can send one; its signature, audience and issuer do.
Source: https://cloud.google.com/iap/docs/signed-headers-howto
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import requests
from google.auth import exceptions as auth_errors
from google.auth import jwt

from shared import clock, json_text
from shared.errors import Refused, Unavailable

ASSERTION_HEADER = "X-Goog-IAP-JWT-Assertion"
KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
ISSUER = "https://cloud.google.com/iap"
TIMEOUT_S = 5
MAX_AGE = timedelta(hours=1)
MIN_AGE = timedelta(seconds=30)
"""How long keys are kept when an assertion names another one, so that made-up names read nothing at Google."""
SKEW_S = 30


@dataclass
class _Keys:
    """IAP's public keys by id, as they were read last."""

    by_id: Mapping[str, str] = field(default_factory=dict)
    read_at: datetime | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_keys = _Keys()


def email_of(assertion: str, audience: str) -> str:
    """
    Return the mail address of the person IAP let in.

    Raises Refused when the assertion is missing, not IAP's, expired or meant for another audience; Unavailable when
    IAP's keys cannot be read.
    """
    if not assertion:
        raise Refused("The request did not come through IAP")
    try:
        claims = _claims(assertion, audience)
    except (auth_errors.GoogleAuthError, ValueError) as error:
        raise Refused(f"The assertion of IAP does not hold: {error}") from error
    if claims.get("iss") != ISSUER:
        raise Refused(f"The assertion was made by {claims.get('iss')!r}, not by IAP")
    return str(claims.get("email") or claims.get("sub") or "")


def _claims(assertion: str, audience: str) -> Mapping[str, Any]:
    """Return what the assertion says. Raises GoogleAuthError, ValueError, Unavailable."""
    key_id = str(jwt.decode_header(assertion).get("kid") or "")  # type: ignore[no-untyped-call]  # untyped
    keys = _public_keys(key_id)
    claims: Mapping[str, Any] = jwt.decode(  # type: ignore[no-untyped-call]  # untyped
        assertion, keys, audience=audience, clock_skew_in_seconds=SKEW_S
    )
    return claims


def _public_keys(key_id: str) -> Mapping[str, str]:
    with _keys.lock:
        age = clock.now() - _keys.read_at if _keys.read_at else None
        if age is None or age > MAX_AGE or (key_id not in _keys.by_id and age > MIN_AGE):
            _keys.by_id, _keys.read_at = _read_keys(), clock.now()
        return _keys.by_id


def _read_keys() -> Mapping[str, str]:
    try:
        reply = requests.get(KEYS_URL, timeout=TIMEOUT_S)
        reply.raise_for_status()
        keys = json_text.parsed(reply.content)
    except (requests.RequestException, ValueError) as error:
        raise Unavailable(f"The public keys of IAP at {KEYS_URL} could not be read: {error}") from error
    return {str(name): str(pem) for name, pem in keys.items()} if isinstance(keys, dict) else {}
