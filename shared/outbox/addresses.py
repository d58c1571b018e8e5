"""Mail addresses: what one is, and the list of ON_CALL_ENGINEERS."""

import re

from pydantic import Field, TypeAdapter, ValidationError

from shared import json_text
from shared.errors import Misconfigured
from shared.settings import Settings

_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class OnCall(Settings):
    """Who receives the mail."""

    on_call_engineers: str = Field("", description="Required for mail: JSON list of addresses, or one.")


def is_address(text: str) -> bool:
    """Return whether a text is one mail address."""
    return _ADDRESS.fullmatch(text) is not None


def on_call() -> tuple[str, ...]:
    """
    Return the addresses of ON_CALL_ENGINEERS, each once; there is no default.

    Raises Misconfigured when it is empty or holds an invalid address.
    """
    addresses = tuple(dict.fromkeys(_addresses(OnCall.from_env().on_call_engineers)))
    if not addresses:
        raise Misconfigured("ON_CALL_ENGINEERS is empty: set a JSON list of mail addresses, or one address")
    for position, address in enumerate(addresses):
        if not is_address(address):
            raise Misconfigured(f"ON_CALL_ENGINEERS holds an invalid mail address, at position {position}")
    return addresses


def _addresses(text: str) -> list[str]:
    if not text.startswith("["):
        return [text] if text else []
    try:
        return [address.strip() for address in TypeAdapter(list[str]).validate_python(json_text.parsed(text))]
    except (ValueError, ValidationError):
        raise Misconfigured("ON_CALL_ENGINEERS is neither a JSON list of strings nor one mail address") from None
