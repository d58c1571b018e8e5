"""Whether a request that failed can have reached its receiver."""

import requests
from urllib3 import exceptions as urllib3

_BEFORE_SENDING = (urllib3.NewConnectionError, urllib3.ConnectTimeoutError, urllib3.SSLError, urllib3.ProxyError)


def was_not_sent(error: requests.RequestException) -> bool:
    """Return whether the connection was never made, so that nothing can have happened at the receiver."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return True
    inner = error.args[0] if error.args else None
    return isinstance(inner, urllib3.MaxRetryError) and isinstance(inner.reason, _BEFORE_SENDING)
