"""The environment that a function would have: the variables of a configuration in place of the operator's own."""

import contextlib
import os
from collections.abc import Iterator, Mapping

from infra.doctor import variables

TIMEOUT_S = 5
"""The time of any one request of the doctor, in seconds."""


@contextlib.contextmanager
def environment(values: Mapping[str, str], limit_s: int | None = TIMEOUT_S) -> Iterator[None]:
    """
    Let the settings read `values` and nothing else that is set outside, with no request over `limit_s` seconds, if any.

    Variables that are no settings, such as those of a proxy, stay as they are.
    """
    before = dict(os.environ)
    names = variables.every()
    limits = {name: str(limit_s) for name in names if name.endswith("_TIMEOUT_S") and limit_s is not None}
    try:
        for name in names.keys() & before.keys():
            del os.environ[name]
        os.environ.update({name: value for name, value in {**values, **limits}.items() if name in names})
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
