"""What checkov says of infra/gcp; it has an environment of its own, because it needs another HCL parser than ours."""

import os
import subprocess

import pytest

from infra import bundle


@pytest.mark.skipif(
    os.environ.get("CI", "").lower() not in ("1", "true"), reason="installs checkov: set CI=true, or `make checkov`"
)
def test_checkov_finds_nothing_that_is_not_explained() -> None:
    """Each check passes, or its waiver is next to the resource, with a reason."""
    done = subprocess.run(
        ["make", "checkov"], cwd=bundle.ROOT, capture_output=True, text=True, timeout=300, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_waiver_gives_its_reason() -> None:
    """`checkov:skip` is followed by the check and a sentence."""
    texts = [path.read_text() for path in (bundle.ROOT / "infra" / "gcp").glob("*.tf")]
    waivers = [line.split("checkov:skip=")[1] for text in texts for line in text.splitlines() if "checkov:skip" in line]

    assert waivers
    assert all(len(waiver.partition(":")[2].split()) >= 4 for waiver in waivers)
