"""The checks run at once, each within its time, and none hides another."""

import os
import threading
import time

import pytest

from infra.doctor.check import Check, ok
from infra.doctor.environment import environment
from infra.doctor.online.run import check_network
from shared.errors import Misconfigured
from shared.settings import lookup


def test_check_that_hangs_is_given_up_and_the_others_are_printed() -> None:
    """Looking up a name has no timeout of its own."""
    forever = threading.Event()

    def hanging() -> list[Check]:
        forever.wait(30)
        return []

    # The settings of every function are loaded once, which is not what is measured.
    check_network({}, {})
    start = time.monotonic()
    checks = check_network({}, {"slow": hanging, "quick": lambda: [ok("quick")]}, limit_s=0.2)
    forever.set()

    assert [check.what for check in checks] == ["slow did not answer in 0.2 s", "quick"]
    assert time.monotonic() - start < 15


def test_wrong_setting_is_not_named_again_and_a_bug_is_no_verdict() -> None:
    """The checks without network have named the first; the second says nothing about the system."""

    def misconfigured() -> list[Check]:
        raise Misconfigured("PR_MODE: wrong")

    def broken() -> list[Check]:
        raise KeyError("x")

    (check,) = check_network({}, {"a": misconfigured, "b": broken})

    assert (check.state, "KeyError" in check.what) == ("cannot tell", True)


def test_environment_is_that_of_the_configuration_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator's shell exports is not what the functions get, and nothing waits longer than five seconds."""
    monkeypatch.setenv("GRAFANA_HOST", "http://of-the-shell")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    before = dict(os.environ)

    with environment({"LOKI_TIMEOUT_S": "300", "GITHUB_REPO": "a/b", "PATH": "/nowhere"}):
        names = ("GRAFANA_HOST", "LOKI_TIMEOUT_S", "GITHUB_REPO", "HTTPS_PROXY")
        inside = [lookup(name) for name in names]
        path = os.environ["PATH"]

    assert inside == [None, "5", "a/b", "http://proxy"]
    assert path == before["PATH"]
    assert dict(os.environ) == before
