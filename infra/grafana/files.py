"""Print what Grafana and Alertmanager need to send alerts here: the files of this folder, filled in.

python -m infra.grafana.files [--url URL] [--key KEY] [--loki-uid UID] [--signed]

Without `--url` Terraform's output says the deployment's own; a missing key stays a variable of Grafana's. With
`--signed` Grafana signs what it sends, for WEBHOOK_HMAC_SECRET.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.deploy import terraform

FOLDER = Path(__file__).parent
UNKNOWN_URL = "https://REPLACE-ME.example.com/webhook/trigger_agent"
ONLY_SIGNED = "# signed"
"""Ends each line that belongs to the signature."""


def filled(values: Mapping[str, str], *, is_signed: bool = False) -> dict[str, str]:
    """Return every file by its name, with `$NAME` replaced where `values` has a value for it."""
    texts = {path.name: _lines(path, is_signed) for path in sorted(FOLDER.glob("*.yaml"))}
    for name, value in values.items():
        if value:
            texts = {file: text.replace(f"${name}", value) for file, text in texts.items()}
    return texts


def _lines(path: Path, is_signed: bool) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    chosen = [line for line in lines if is_signed or not line.endswith(ONLY_SIGNED)]
    return "".join(f"{line.removesuffix(ONLY_SIGNED).rstrip()}\n" for line in chosen)


def deployed_url() -> str:
    """Return the URL that the last deployment printed, or a placeholder when there is no deployment."""
    try:
        done = subprocess.run(
            [*terraform(), "output", "-raw", "webhook_url"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return UNKNOWN_URL
    return done.stdout.strip()


def main(arguments: Sequence[str]) -> int:
    """Print the files, each under a line with its name."""
    parser = argparse.ArgumentParser(prog="infra.grafana.files", description="Print what senders of alerts need.")
    parser.add_argument("--url", default="")
    parser.add_argument("--key", default="", help="printed as it is: leave it out on a shared screen")
    parser.add_argument("--loki-uid", default="loki", help="uid of the Loki data source in Grafana")
    parser.add_argument("--signed", action="store_true", help="with Grafana's signature, of Grafana 12")
    options = parser.parse_args(arguments)
    values = {
        "INCIDENT_COPILOT_URL": options.url or deployed_url(),
        "INCIDENT_COPILOT_KEY": options.key,
        "INCIDENT_COPILOT_LOKI_UID": options.loki_uid,
    }
    for name, text in filled(values, is_signed=options.signed).items():
        print(f"# ---- {name}\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
