"""No secret, default credential or personal address is anywhere in the tree."""

import re
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from infra import bundle

SHAPES = {
    "a private key": r"-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Google OAuth secret": r"\bGOCSPX-[0-9A-Za-z_-]{28}\b",
    "a Google refresh token": r"\b1//0[0-9A-Za-z_-]{40,}",
    "an AWS key": r"\bAKIA[0-9A-Z]{16}\b",
    "a Slack token": r"\bxox[abpors]-[0-9]{8,}-[0-9A-Za-z-]{20,}",
    "a Grafana token": r"\bglsa_[0-9A-Za-z]{32}_[0-9a-f]{8}\b",
    "a default password": r"(?i)\b(?:admin:admin|root:root|admin:password|changeme)\b",
}
HERE = "tests/architecture/test_no_secrets.py"
ADDRESS = re.compile(r"(?<![\w.+-])([\w.+-]+)@((?:[\w-]+\.)+[a-z]{2,})\b")
# Reserved for documentation and tests (RFC 2606, RFC 6761), too short for a person, or the address of a machine.
NOBODY = re.compile(
    r"(^|\.)(example\.[a-z.]+|[a-z]\.[a-z]{2}|invalid|test|localhost|noreply\.github\.com|gserviceaccount\.com)$"
)
# Tests of redaction need secrets that have the shape and say that they are invented.
INVENTED = re.compile(r"EXAMPL|abcdefghijklmnop|0123456789", re.IGNORECASE)


@cache
def texts() -> dict[str, str]:
    """Return every text file of the tree by its path."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=bundle.ROOT, capture_output=True, text=True, check=True)
    paths = [name for name in listed.stdout.split("\0") if name and name != HERE and (bundle.ROOT / name).is_file()]
    contents = {name: _text(bundle.ROOT / name) for name in paths}
    return {name: text for name, text in contents.items() if text is not None}


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@pytest.mark.parametrize("what", SHAPES)
def test_nothing_has_the_shape_of(what: str) -> None:
    """No file holds anything that looks like a real credential."""
    pattern = re.compile(SHAPES[what])

    matches = [(name, match[0]) for name, text in texts().items() for match in pattern.finditer(text)]
    assert [name for name, value in matches if not INVENTED.search(value)] == []


def test_no_address_is_a_persons() -> None:
    """Every mail address uses a domain that is reserved for examples."""
    addresses = {
        (name, match[0])
        for name, text in texts().items()
        for match in ADDRESS.finditer(text)
        if not NOBODY.search(match[2])
    }

    assert addresses == set()


def test_no_setting_has_a_credential_for_a_default() -> None:
    """.env.example leaves every secret empty."""
    lines = (bundle.ROOT / ".env.example").read_text().splitlines()
    secrets = [value for note, value in pairwise(lines) if note.startswith("# secret.")]

    assert secrets
    assert [line for line in secrets if not line.endswith("=")] == []
