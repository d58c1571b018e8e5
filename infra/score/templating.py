"""
Measure log templating on labelled log files: python -m infra.score.templating FOLDER

FOLDER holds `*_2k.log_structured.csv` of LogHub (https://github.com/logpai/loghub): 2,000 lines each, with the template
that people assigned. Grouping accuracy is the share of lines whose group holds exactly the lines of its true group.
The naive baseline masks each word that holds a digit.
Source: Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE-SEIP 2019.
"""

import csv
import re
import sys
import time
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

from shared.analysis.logs.drain import Drain

SUFFIX = "_2k.log_structured.csv"
HAS_DIGIT = re.compile(r"\S*\d\S*")


def grouping_accuracy(predicted: Sequence[Hashable], actual: Sequence[Hashable]) -> float:
    """Return the share, 0 to 1, of items whose predicted group has the same members as their actual group."""
    by_prediction, by_truth = _members(predicted), _members(actual)
    right = sum(by_prediction[one] == by_truth[other] for one, other in zip(predicted, actual, strict=True))
    return right / len(actual) if actual else 1.0


def _members(groups: Sequence[Hashable]) -> dict[Hashable, frozenset[int]]:
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    return {group: frozenset(indices) for group, indices in members.items()}


def accuracies_of(path: Path) -> tuple[float, float]:
    """Return the grouping accuracy on one labelled file, of our templates and of the naive baseline."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    drain = Drain()
    clusters = [drain.add(row["Content"]) for row in rows]
    actual = [row["EventId"] for row in rows]
    # What a cluster became is known at the end.
    ours = grouping_accuracy([cluster.root.key for cluster in clusters], actual)
    return ours, grouping_accuracy([HAS_DIGIT.sub("", row["Content"]) for row in rows], actual)


def main(folder: Path) -> int:
    """Print a table of every file, in two halves: settings are chosen on one and reported on the other."""
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        print(f"{folder} holds no *{SUFFIX}", file=sys.stderr)
        return 1
    halves: dict[str, list[tuple[float, float]]] = {"chosen on": [], "reported on": []}
    began = time.process_time()
    print(f"{'':<26} {'ours':>5} naive")
    for index, path in enumerate(paths):
        half = "reported on" if index % 2 else "chosen on"
        halves[half].append(accuracies_of(path))
        print(_row(f"{path.name.removesuffix(SUFFIX):<14} {half}", halves[half][-1:]))
    for half, values in halves.items():
        print(_row(f"mean, {half}", values)) if values else None
    everything = [value for values in halves.values() for value in values]
    print(f"{_row('mean', everything)}, {time.process_time() - began:.1f} CPU-seconds")
    return 0


def _row(name: str, accuracies: Sequence[tuple[float, float]]) -> str:
    ours, naive = (sum(column) / len(accuracies) for column in zip(*accuracies, strict=True))
    return f"{name:<26} {ours:.3f} {naive:.3f}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
