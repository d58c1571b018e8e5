"""Print what Grafana and Alertmanager need to send alerts here: the files of infra/grafana, filled in.

python -m infra.grafana_files [--url URL] [--key KEY] [--loki-uid UID]

Without `--url` Terraform's output says the deployment's own; a missing key stays a variable of Grafana's.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping, Sequence

from infra import bundle
from infra.deploy import terraform

FOLDER = bundle.ROOT / "infra" / "grafana"
UNKNOWN_URL = "https://REPLACE-ME.example.com/webhook/trigger_agent"


def filled(values: Mapping[str, str]) -> dict[str, str]:
    """Return every file by its name, with `$NAME` replaced where `values` has a value for it."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.yaml"))}
    for name, value in values.items():
        if value:
            texts = {file: text.replace(f"${name}", value) for file, text in texts.items()}
    return texts


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
    parser = argparse.ArgumentParser(prog="infra.grafana_files", description="Print what senders of alerts need.")
    parser.add_argument("--url", default="")
    parser.add_argument("--key", default="", help="printed as it is: leave it out on a shared screen")
    parser.add_argument("--loki-uid", default="loki", help="uid of the Loki data source in Grafana")
    options = parser.parse_args(arguments)
    values = {
        "INCIDENT_COPILOT_URL": options.url or deployed_url(),
        "INCIDENT_COPILOT_KEY": options.key,
        "INCIDENT_COPILOT_LOKI_UID": options.loki_uid,
    }
    for name, text in filled(values).items():
        print(f"# ---- {name}\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
