"""Measure the analyst on known incidents, beside naive baselines of the same incidents.

    python -m infra.score [PART ...] [--cases FOLDER] [--repos FOLDER] [--json PATH]

Prints tables, and progress to stderr. The offline analyst answers, whatever model is configured; nothing but loopback
is connected to.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra import bundle
from infra.score.code import measure as code
from infra.score.microservice import measure as microservice
from infra.score.part import Options, Part, PartScore, ScoreTable
from shared.errors import Rejected

PARTS = (Part("code", code.measure, reads_code=True), Part("microservice", microservice.measure))
WIDTH = 210
"""Characters of a line that is not written to a terminal: a wrapped table is hard to compare."""
CASES = bundle.ROOT.parent / "shared" / "cases"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen parts, by default all; return 0, or 2 when an option is wrong."""
    options = _parser().parse_args(arguments)
    unknown = sorted(set(options.parts) - {part.name for part in PARTS})
    if unknown:
        _progress(f"there is no part {', '.join(unknown)}; the parts are {', '.join(part.name for part in PARTS)}")
        return 2
    parts = [part for part in PARTS if not options.parts or part.name in options.parts]
    if options.repos and not any(part.reads_code for part in parts):
        _progress(f"--repos is not used: {', '.join(part.name for part in parts)} reads no code")
    try:
        # The product's own log lines would hide the tables.
        with Path(os.devnull).open("w") as devnull, contextlib.redirect_stdout(devnull):
            scores = {part.name: part.measure(Options(options.cases, options.repos), _progress) for part in parts}
    except Rejected as error:
        _progress(str(error))
        return 2
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for score in scores.values():
        for table in score.tables:
            console.print(_rich(table))
    if options.json:
        options.json.write_text(json.dumps(_as_json(scores), indent=1) + "\n", encoding="utf-8")
    return 0


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _rich(table: ScoreTable) -> Table:
    grid = Table(title=table.title, caption=table.note or None, caption_justify="left")
    for number, column in enumerate(table.columns):
        is_text = not any("/" in row[number] or row[number].isdigit() for row in table.rows)
        grid.add_column(column, justify="left" if is_text else "right")
    for row in table.rows:
        grid.add_row(*row)
    return grid


def _as_json(scores: dict[str, PartScore]) -> dict[str, object]:
    return {
        name: {**score.figures, "tables": [asdict(table) for table in score.tables]} for name, score in scores.items()
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.score", description="Measure the analyst.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(part.name for part in PARTS)}; all")
    parser.add_argument("--cases", type=Path, default=CASES, help="folder of known incidents, a folder per part")
    parser.add_argument("--repos", type=Path, help="folder of the repositories that the incidents name")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
