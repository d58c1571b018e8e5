"""python -m infra.workflow_checks [FILE ...]: check the workflows; exit 1 on any finding except warnings."""

import sys
from pathlib import Path

from infra import bundle
from infra.workflow_checks import check
from infra.workflow_checks.contracts import Contracts, read


def main(arguments: list[str]) -> int:
    """Print `file:line: message` for each finding; return the exit status."""
    paths = [Path(argument) for argument in arguments] or sorted((bundle.ROOT / "workflows").glob("*.workflows.yaml"))
    contracts = read(bundle.FUNCTIONS)
    failed = sum([_report(path, contracts) for path in paths])
    if not failed:
        print(f"{len(paths)} checked, no findings: {', '.join(path.name for path in paths)}")
    return 1 if failed else 0


def _report(path: Path, contracts: Contracts) -> int:
    """Print the findings of one file; return the number that are not warnings."""
    location = path.relative_to(bundle.ROOT) if path.is_relative_to(bundle.ROOT) else path
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        print(f"{location}:0: cannot be read: {error}")
        return 1
    findings = check(text, contracts)
    for finding in findings:
        print(f"{location}:{finding}")
    return sum(not finding.is_warning for finding in findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
