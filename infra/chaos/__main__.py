"""
Plant faults into the local stack and account for every alert.

python -m infra.chaos run [--single N] [--double N] [--kills N] [--seed N] [--slice I/OF] [--only TEXT] …
python -m infra.chaos soak [--minutes N] [--json FILE]
python -m infra.chaos storm [--alerts N] [--services N] [--senders N] [--json FILE]
"""

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console

from infra.chaos import cases, soak, storm
from infra.chaos.campaign import Account, Campaign
from infra.chaos.system import System
from shared import clock


def main(arguments: list[str]) -> int:
    """Run one command; return 0 when nothing was lost, doubled or wrong, and nothing grew."""
    chosen = _parser().parse_args(arguments)
    began = clock.now()
    folder = (Path("output") / f"{chosen.command}-{began:%Y%m%d-%H%M%S}-{began.microsecond:06d}").resolve()
    folder.mkdir(parents=True)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    result: soak.Result
    if chosen.command == "soak":
        result = soak.run(folder, chosen.minutes, console.print)
    elif chosen.command == "storm":
        result = storm.run(folder, chosen.alerts, chosen.services, chosen.senders, console.print)
    else:
        result = _chaos(chosen, folder, console)
    for line in result.lines():
        console.print(line)
    if chosen.json:
        chosen.json.write_text(json.dumps(result.as_json(), indent=2), encoding="utf-8")
    return 0 if result.is_clean else 1


def _chaos(chosen: argparse.Namespace, folder: Path, console: Console) -> Account:
    planned = [
        *cases.spread(cases.single(), chosen.single),
        *cases.double(chosen.double, chosen.seed),
        *cases.kills(chosen.kills, chosen.seed),
    ]
    planned = [case for case in planned if chosen.only in str(case)]
    part, parts = (int(number) for number in chosen.slice.split("/"))
    with System(folder, has_emulators=chosen.emulators) as system:
        return Campaign(system, console.print).run(planned[part - 1 :: parts])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.chaos", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    chaos = commands.add_parser("run", help="faults, one alert each")
    chaos.add_argument("--single", type=int, default=len(cases.single()), help="how many single faults; default all")
    chaos.add_argument("--double", type=int, default=100, help="how many pairs of faults")
    chaos.add_argument("--kills", type=int, default=40, help="how many alerts under random kills")
    chaos.add_argument("--seed", type=int, default=1, help="draws pairs and kills")
    chaos.add_argument("--slice", default="1/1", metavar="I/OF", help="run only each OFth case, from the Ith")
    chaos.add_argument("--only", default="", metavar="TEXT", help="run only cases with this in their name")
    chaos.add_argument("--emulators", action="store_true", help="on Google's Pub/Sub and Firestore emulators")
    soaking = commands.add_parser("soak", help="alerts for minutes; memory and open files must not grow")
    soaking.add_argument("--minutes", type=float, default=30)
    storming = commands.add_parser("storm", help="many alerts at once; each in a message, mails within the brake")
    storming.add_argument("--alerts", type=int, default=10_000)
    storming.add_argument("--services", type=int, default=200)
    storming.add_argument("--senders", type=int, default=20)
    for command in (chaos, soaking, storming):
        command.add_argument("--json", type=Path, help="file for the result")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
