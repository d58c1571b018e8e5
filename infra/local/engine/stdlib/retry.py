"""Module `retry` and the retry policies of module `http`."""

from __future__ import annotations

from infra.local.engine.language.values import FunctionName, Value
from infra.local.engine.stdlib.function import Function, pure

_IDEMPOTENT_CODES = frozenset({429, 502, 503, 504})
_IDEMPOTENT_TAGS = frozenset({"ConnectionError", "ConnectionFailedError", "TimeoutError"})
_NON_IDEMPOTENT_CODES = frozenset({429, 503})
_NON_IDEMPOTENT_TAGS = frozenset({"ConnectionFailedError"})


def default_predicate(exception: Value) -> Value:
    """Return whether an idempotent request should be retried."""
    return _matches(exception, _IDEMPOTENT_CODES, _IDEMPOTENT_TAGS)


def default_predicate_non_idempotent(exception: Value) -> Value:
    """Return whether a request certainly had no effect and should be retried."""
    return _matches(exception, _NON_IDEMPOTENT_CODES, _NON_IDEMPOTENT_TAGS)


def _matches(error: Value, codes: frozenset[int], tags: frozenset[str]) -> bool:
    if not isinstance(error, dict):
        return False
    error_tags = error.get("tags")
    names = {tag for tag in error_tags if isinstance(tag, str)} if isinstance(error_tags, list) else set()
    return bool(names & tags) or ("HttpError" in names and error.get("code") in codes)


def always(exception: Value) -> Value:
    """Retry after every error."""
    del exception
    return True


def never(exception: Value) -> Value:
    """Never retry."""
    del exception
    return False


DEFAULT_BACKOFF: Value = {"initial_delay": 1.0, "max_delay": 60.0, "multiplier": 1.25}


def _policy(predicate: str) -> Value:
    return {"predicate": FunctionName(predicate), "max_retries": 5, "backoff": DEFAULT_BACKOFF}


CONSTANTS: dict[str, Value] = {
    "http.default_retry": _policy("http.default_retry_predicate"),
    "http.default_retry_non_idempotent": _policy("http.default_retry_predicate_non_idempotent"),
    "retry.default_backoff": DEFAULT_BACKOFF,
}

FUNCTIONS: tuple[Function, ...] = (
    pure("http.default_retry_predicate", default_predicate),
    pure("http.default_retry_predicate_non_idempotent", default_predicate_non_idempotent),
    pure("retry.always", always),
    pure("retry.never", never),
)
