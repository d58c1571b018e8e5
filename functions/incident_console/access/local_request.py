"""Whether a request was sent on the machine that the console runs on."""

import ipaddress
from urllib.parse import urlsplit

import flask

from shared.settings import lookup


def is_on_this_machine(request: flask.Request) -> bool:
    """
    Return whether the request was sent on the laptop that the console runs on, by the laptop's own name.

    A page elsewhere could lead its own name to loopback, so the name counts too; what a proxy sends on comes from
    somebody else. Cloud Run sets K_SERVICE.
    """
    is_forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host"))
    is_local = _is_loopback(request.remote_addr or "") and _is_loopback(urlsplit(f"//{request.host}").hostname or "")
    return is_local and not is_forwarded and lookup("K_SERVICE") is None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
