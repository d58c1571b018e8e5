"""
`python -m tests.hostile`: play every attack, print tries, held and broke by class; then measure redaction of secrets.

`--seed N` repeats the values of a run, `--only secrets` or `--only attacks` does one of the two. Exit 1 when an attack
broke, or redaction kept less than is promised.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.hostile.attacks import Attack, all_attacks
from tests.hostile.secrets import measure


def played(attack: Attack) -> str:
    """Play one attack in a folder and an environment of its own; return what it got, if anything."""
    patch = pytest.MonkeyPatch()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return attack.play(Path(folder), patch)
    except Exception as error:  # noqa: BLE001  # an attack that makes the product fail has got something
        return f"{type(error).__name__}: {error}"
    finally:
        patch.undo()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Play them all, and measure."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--only", choices=("attacks", "secrets"))
    arguments = parser.parse_args()
    is_held = arguments.only == "secrets" or not _broken()
    is_redacted = arguments.only == "attacks" or measure.main(arguments.seed)
    return 0 if is_held and is_redacted else 1


def _broken() -> bool:
    """Play every attack and print the table; return whether one got through."""
    tries: Counter[str] = Counter()
    broke: Counter[str] = Counter()
    for attack in all_attacks():
        got = played(attack)
        tries[attack.kind] += 1
        if got:
            broke[attack.kind] += 1
            _say(f"BROKE {attack.kind}, {attack.name}: {got[:300]}")
    _say(f"{'class':<40} {'tries':>5} {'held':>5} {'broke':>5}")
    for kind, count in tries.items():
        _say(f"{kind:<40} {count:>5} {count - broke[kind]:>5} {broke[kind]:>5}")
    _say(f"{'all':<40} {tries.total():>5} {tries.total() - broke.total():>5} {broke.total():>5}")
    return bool(broke)


if __name__ == "__main__":
    sys.exit(main())
