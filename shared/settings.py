"""Read settings from the environment: the only module that may use `os.environ`."""

import os
from typing import Any, Self, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from shared import json_text
from shared.errors import Misconfigured


class Settings(BaseModel):
    """Base of each adapter's settings: field `grafana_host` reads the variable `GRAFANA_HOST`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @classmethod
    def from_env(cls) -> Self:
        """
        Build the settings from the environment; an empty variable counts as unset.

        Raises Misconfigured naming each variable that is missing or wrong, never its value.
        """
        texts = {name: os.environ.get(name.upper(), "").strip() for name in cls.model_fields}
        try:
            return cls.model_validate({name: cls.parsed(name, text) for name, text in texts.items() if text})
        except ValidationError as error:
            problems = "; ".join(_problem(item["loc"], item["msg"]) for item in error.errors())
            raise Misconfigured(f"Settings are missing or wrong: {problems}") from None

    @classmethod
    def parsed(cls, name: str, text: str) -> Any:
        """
        Return the text of a field as pydantic takes it: lists, tuples and dicts are written as JSON.

        Raises Misconfigured when it is no JSON.
        """
        if get_origin(cls.model_fields[name].annotation) not in (list, tuple, dict):
            return text
        try:
            return json_text.parsed(text)
        except ValueError:
            raise Misconfigured(f"Settings are missing or wrong: {name.upper()}: not valid JSON") from None


def _problem(place: tuple[int | str, ...], message: str) -> str:
    # A check over several fields has no location; its message names them.
    inner = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place[1:])
    return f"{str(place[0]).upper()}{inner}: {message}" if place else message


def lookup(name: str) -> str | None:
    """Return a variable whose name is known only at run time, or None when unset or empty."""
    return os.environ.get(name, "").strip() or None
