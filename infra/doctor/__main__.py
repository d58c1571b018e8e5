"""Check the configuration before the first alert does: `make doctor`.

python -m infra.doctor [--env FILE] [--offline]       .env as `make local` reads it, and the systems that it names
python -m infra.doctor --tfvars FILE                  the settings of a deployment, without network

Prints a line for each check, with the fix; ends with 1 when something is wrong. No secret is printed, no message sent.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from infra import bundle
from infra.doctor.check import Check
from infra.doctor.offline import env_file, tfvars
from infra.doctor.offline.run import check_deployment, check_local
from infra.doctor.online.run import check_network


def main(arguments: Sequence[str]) -> int:
    """Run the checks of the command line; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="infra.doctor", description="Check the configuration.")
    parser.add_argument("--env", type=Path, default=bundle.ROOT / ".env", help="file of variables; by default .env")
    parser.add_argument("--tfvars", type=Path, help="check the settings in this file of Terraform instead")
    parser.add_argument("--offline", action="store_true", help="ask no other system")
    chosen = parser.parse_args(arguments)
    # The lines of the checks say what there is to say.
    logging.disable(logging.CRITICAL)
    if chosen.tfvars is not None:
        return report(check_deployment(tfvars.settings(chosen.tfvars)))
    env = env_file.load(chosen.env)
    checks = check_local(env)
    print_all(checks)
    later = [] if chosen.offline else check_network(env.values)
    print_all(later)
    return summary([*checks, *later])


def report(checks: Sequence[Check]) -> int:
    """Print the checks and how many are wrong; 1 when some are."""
    print_all(checks)
    return summary(checks)


def print_all(checks: Sequence[Check]) -> None:
    """Print each check at once: the next ones may take seconds."""
    for check in checks:
        print(check, flush=True)


def summary(checks: Sequence[Check]) -> int:
    """Print how many are wrong; 1 when some are."""
    count = sum(check.state == "wrong" for check in checks)
    print(f"{len(checks)} checks, {count} wrong.")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
