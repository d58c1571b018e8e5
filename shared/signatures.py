"""Who wrote what: each step signs its answers with its own Ed25519 key, and readers check it by the public keys.

The trace store lets every function's account write everywhere, so that only the signature shows whose answer it is.
Without keys, as on a laptop that runs one function, nothing is signed and nothing is checked.
"""

import base64
import functools
import json
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import Field, SecretStr, TypeAdapter, ValidationError

from shared.errors import Misconfigured, Refused
from shared.settings import Settings

Json = dict[str, Any]

_PUBLIC_KEYS = TypeAdapter(dict[str, str])

ALERT = "the alert"
"""Subject of a signature, beside the names of runs."""


class SigningSettings(Settings):
    """The keys; both are set by the deployment."""

    step_signing_key: SecretStr | None = Field(
        None, description="Private key of this function, Ed25519 in PEM; unset, its answers are not signed."
    )
    step_public_keys: SecretStr | None = Field(
        None, description="JSON, maps each function to its public key in PEM; unset, signatures are not checked."
    )
    """Not secret, but delivered like the private keys, so that both change together."""

    def public_keys(self) -> dict[str, str]:
        """Return the public keys by function. Raises Misconfigured."""
        if self.step_public_keys is None:
            return {}
        try:
            return _PUBLIC_KEYS.validate_json(self.step_public_keys.get_secret_value())
        except ValidationError:
            raise Misconfigured("STEP_PUBLIC_KEYS is not a JSON object of texts") from None


def sign(author: str, incident_id: str, subject: str, body: Json) -> str:
    """
    Return the signature of `body` by this function, or an empty text when it has no key.

    `author` is the function's name, `subject` says what the body is, for example the run it
    answers. Raises Misconfigured.
    """
    key = SigningSettings.from_env().step_signing_key
    if key is None:
        return ""
    signature = _private(key.get_secret_value()).sign(_message(author, incident_id, subject, body))
    return base64.urlsafe_b64encode(signature).decode()


def are_checked() -> bool:
    """Return whether keys are configured, so that signatures count. Raises Misconfigured."""
    return bool(SigningSettings.from_env().public_keys())


def check(author: str, incident_id: str, subject: str, body: Json, signature: str) -> None:
    """Raise Refused when keys are configured and this is not the author's signature. Raises Misconfigured."""
    keys = SigningSettings.from_env().public_keys()
    if not keys:
        return
    if author not in keys:
        raise Refused(f"STEP_PUBLIC_KEYS has no key of {author}, so that what it wrote cannot be believed")
    try:
        signed = base64.urlsafe_b64decode(signature.encode())
        _public(keys[author]).verify(signed, _message(author, incident_id, subject, body))
    except (InvalidSignature, ValueError, RecursionError) as error:
        raise Refused(f"{subject} of {incident_id!r} is not signed by {author}") from error


def digest_of(run: str) -> str:
    """Return the subject of the signature of a run's digest."""
    return f"the digest of {run}"


def new_pair() -> tuple[str, str]:
    """Return a new private key and its public key, in PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def _message(author: str, incident_id: str, subject: str, body: Json) -> bytes:
    return json.dumps([author, incident_id, subject, _canonical(body)], sort_keys=True, separators=(",", ":")).encode()


def _canonical(value: Any) -> Any:
    """Return JSON whose whole numbers are integers: Workflows does not promise to send 1.0 on as 1.0."""
    match value:
        case dict():
            return {str(key): _canonical(item) for key, item in value.items()}
        case list():
            return [_canonical(item) for item in value]
        case float() if value.is_integer():
            return int(value)
    return value


@functools.cache
def _private(pem: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured("STEP_SIGNING_KEY is not an Ed25519 private key in PEM")
    return key


@functools.cache
def _public(pem: str) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise Misconfigured("STEP_PUBLIC_KEYS holds what is not an Ed25519 public key in PEM")
    return key
