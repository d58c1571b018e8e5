"""
The errors of the API, with Google's codes and statuses.

    ApiError
    ├── InvalidArgument     400  the request breaks the API
    ├── FailedPrecondition  400  valid request, wrong state
    ├── NotFound            404  no such resource
    └── AlreadyExists       409  the name is already used
"""

from __future__ import annotations

from typing import ClassVar


class ApiError(Exception):
    """An error response; `http_status` and `status` are those of google.rpc.Code."""

    http_status: ClassVar[int] = 500
    status: ClassVar[str] = "INTERNAL"


class InvalidArgument(ApiError):
    """The request breaks the API."""

    http_status = 400
    status = "INVALID_ARGUMENT"


class FailedPrecondition(ApiError):
    """The resource is in the wrong state for this request."""

    http_status = 400
    status = "FAILED_PRECONDITION"


class NotFound(ApiError):
    """The resource does not exist."""

    http_status = 404
    status = "NOT_FOUND"


class AlreadyExists(ApiError):
    """The resource already exists."""

    http_status = 409
    status = "ALREADY_EXISTS"
