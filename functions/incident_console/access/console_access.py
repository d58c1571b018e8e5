"""Decide who a request comes from. In the cloud there is no way in without IAP or the key."""

from dataclasses import dataclass
from typing import Annotated

import flask
from pydantic import Field, SecretStr

from shared.errors import Refused
from shared.settings import Settings

from .console_session import Session, session_of
from .local_request import is_on_this_machine


class ConsoleSettings(Settings):
    """Who may read the console."""

    console_api_key: Annotated[SecretStr, Field(min_length=32)] | None = Field(
        None,
        description="Key with which people open the console, at least 32 characters; unset, IAP alone opens it, and on "
        "a laptop whoever works there.",
    )
    console_iap_audience: str = Field(
        "",
        max_length=500,
        description="Audience of IAP's assertions, /projects/NUMBER/locations/REGION/services/incident-console; set, "
        "IAP alone opens the console.",
    )


class Closed(Refused):
    """Nothing says who may read: a state that a deployment starts in, and nobody's fault."""

    status = 403


@dataclass(frozen=True)
class Visitor:
    """Who reads; `session` is None where no form of ours opened the console, `email` is what IAP vouches for."""

    name: str
    session: Session | None = None
    email: str = ""


def visitor(request: flask.Request, settings: ConsoleSettings) -> Visitor | None:
    """
    Return who the request comes from, or None when they have to sign in.

    Raises Closed where nothing says who may read and the request is not from the laptop itself, Refused (IAP does not
    vouch for the request), Unavailable (IAP's keys cannot be read).
    """
    if settings.console_iap_audience:
        # Only here: its libraries are slow to load, and without IAP nobody needs them.
        from .iap_assertion import ASSERTION_HEADER, email_of

        email = email_of(request.headers.get(ASSERTION_HEADER, ""), settings.console_iap_audience)
        return Visitor(email, email=email)
    if settings.console_api_key is not None:
        session = session_of(request, settings.console_api_key.get_secret_value())
        return Visitor("who knows the key", session) if session else None
    if is_on_this_machine(request):
        return Visitor("this machine")
    raise Closed("The console is closed until CONSOLE_API_KEY or CONSOLE_IAP_AUDIENCE is set")
