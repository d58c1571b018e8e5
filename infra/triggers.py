"""Which files of the repository a function's bundle is made of: what the Cloud Build trigger of it watches.

python -m infra.triggers               writes build/included_files.json, which infra/gcp/builds.tf reads
"""

import json

from infra import bundle

INCLUDED = bundle.BUILD / "included_files.json"
# These change the bytes of every bundle.
COMMON = ["infra/bundle.py", "infra/constraints.txt"]


def included_files(name: str) -> list[str]:
    """Return the glob patterns of what the function is made of, computed from its imports."""
    folder = bundle.FUNCTIONS / name
    reached = bundle.closure(name)
    shared = [path for path in reached.used | reached.passed if folder not in path.parents]
    return [f"functions/{name}/**", *COMMON, *sorted(path.relative_to(bundle.ROOT).as_posix() for path in shared)]


def write() -> None:
    """Write the patterns of every function."""
    INCLUDED.parent.mkdir(exist_ok=True)
    patterns = {name: included_files(name) for name in bundle.names()}
    INCLUDED.write_text(json.dumps(patterns, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
