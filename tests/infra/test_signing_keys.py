"""`make signing-keys`: a pair for each function that signs, each private key in one secret."""

import json
import subprocess

import pytest

from infra import bundle, deploy, signing_keys
from shared import signatures
from shared.errors import Refused

TARGET = deploy.Target("example-project", "europe-west1")


def test_every_signer_gets_a_key_that_fits_the_public_ones(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the functions read is what was made here, and no key is printed."""
    stored: dict[str, str] = {}

    def run(command: list[str], **options: str) -> subprocess.CompletedProcess[str]:
        stored[command[4]] = options["input"]
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)

    signing_keys.renew(TARGET)

    monkeypatch.setenv("STEP_PUBLIC_KEYS", stored["STEP_PUBLIC_KEYS"])
    for function in signing_keys.SIGNERS:
        monkeypatch.setenv("STEP_SIGNING_KEY", stored[f"STEP_SIGNING_KEY_{function.upper()}"])
        signature = signatures.sign(function, "inc-1", "run", {})
        signatures.check(function, "inc-1", "run", {}, signature)
        with pytest.raises(Refused):
            signatures.check("rca" if function != "rca" else "suggestion", "inc-1", "run", {}, signature)
    assert len(json.loads(stored["STEP_PUBLIC_KEYS"])) == len(stored) - 1 == len(signing_keys.SIGNERS)
    assert "PRIVATE KEY" not in capsys.readouterr().out


def test_every_signer_is_granted_its_key() -> None:
    """A function that signs and has no key would answer unsigned, and not be believed."""
    granted = {name for name in bundle.names() if "STEP_SIGNING_KEY" in _manifest(name)}

    assert set(signing_keys.SIGNERS) <= granted


def test_one_key_for_all_is_refused() -> None:
    """`make secret` would give every function the same name."""
    with pytest.raises(deploy.DeployFailed, match="make signing-keys"):
        deploy.set_secret(TARGET, "STEP_SIGNING_KEY")


def _manifest(name: str) -> str:
    return (bundle.FUNCTIONS / name / "function.yaml").read_text(encoding="utf-8")
