"""A message that can never be handled; apart from the libraries that publish it, which most messages do not need."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DeadLetter:
    """A message that can never be handled, as it was received; an empty id means unknown."""

    data: bytes
    message_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
