"""
What the API answers instead of a resource, in Google's words.

    ApiError
    ├── InvalidArgument     400  the request breaks the API
    ├── FailedPrecondition  400  right request, wrong moment
    ├── NotFound            404  no such resource
    └── AlreadyExists       409  the name is taken
"""

from __future__ import annotations

from typing import ClassVar


class ApiError(Exception):
    """A refusal; `http_status` and `status` are those of google.rpc.Code."""

    http_status: ClassVar[int] = 500
    status: ClassVar[str] = "INTERNAL"


class InvalidArgument(ApiError):
    """The request breaks the API."""

    http_status = 400
    status = "INVALID_ARGUMENT"


class FailedPrecondition(ApiError):
    """The resource is in no state for this."""

    http_status = 400
    status = "FAILED_PRECONDITION"


class NotFound(ApiError):
    """There is no such resource."""

    http_status = 404
    status = "NOT_FOUND"


class AlreadyExists(ApiError):
    """There is such a resource already."""

    http_status = 409
    status = "ALREADY_EXISTS"
