"""Google's emulators for tests: skipped where they are absent, required in CI where gcloud is installed."""

import os
import shutil

import pytest

from infra.local.stack import emulators


def need(*names: str) -> None:
    """Skip the test, saying how to get the emulators, unless each is installed; fail it in CI."""
    for name in names:
        try:
            emulators.script(name)
        except emulators.EmulatorFailed as absent:
            if os.environ.get("CI") == "true" and shutil.which("gcloud"):
                pytest.fail(str(absent))
            pytest.skip(str(absent))
