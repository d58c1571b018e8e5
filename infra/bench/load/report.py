"""The results of load as tables of Markdown, from the JSON of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def tables(results: Json) -> str:
    """Return the tables of the parts that were measured."""
    makers = {"intake": intake, "burst": burst, "counts": counts}
    made = [make(results[part]) for part, make in makers.items() if part in results]
    return "\n\n".join([f"Measured {results['measured']}, by `make bench ONLY=load`.", *made])


def intake(result: Json) -> str:
    """Return what alert_intake accepts beside an empty function of the same run."""
    rows = [
        [name, f"{rate['per_second']:.0f}", f"{rate['p50_ms']:.1f}", f"{rate['p99_ms']:.1f}", _statuses(rate)]
        for name, rate in (("`alert_intake`", result["intake"]), ("an empty function", result["empty"]))
    ]
    head = [f"{result['clients']} clients, connections open", "requests a second", "p50 ms", "p99 ms", "answers"]
    return _table(head, rows)


def _statuses(rate: Json) -> str:
    return ", ".join(f"{count} of {status}" for status, count in rate["statuses"].items())


def burst(result: Json) -> str:
    """Return when the last brief of each burst was out, beside what the CPU of one incident lets expect."""
    rows = []
    for each in result["bursts"]:
        bound = each["size"] * result["one_cpu_s"] / result["cores"]
        kinds = ", ".join(f"{count} {kind}" for kind, count in each["kinds"].items())
        failed = sum(each["failures"].values())
        cells = [str(each["size"]), f"{each['last_s']:.1f}", f"{bound:.1f}", f"{each['last_s'] / bound:.2f}"]
        rows.append([*cells, f"{each['cpu_s'] / each['size']:.2f}", kinds, str(len(each["lost"])), str(failed)])
    head = ["at once", "last brief s", "bound s", "ratio", "CPU s each", "outcomes", "lost", "failed steps"]
    one = f"One incident alone: {result['one_cpu_s']:.2f} CPU s of all processes, {result['one_s']:.1f} s; bound: "
    return f"{one}incidents × CPU s of one / {result['cores']} cores.\n\n{_table(head, rows)}"  # noqa: RUF001


def counts(result: Json) -> str:
    """Return what each path used, one row for each thing that is counted."""
    paths = result["paths"]
    names = sorted({name for used in paths.values() for name in used if not name.endswith("_ms")})
    rows = [[name.replace("_", " "), *(f"{used.get(name, 0):,}" for used in paths.values())] for name in names]
    return _table(["of one incident", *paths], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
