"""A small repository with a fault, and incidents of it in the format of the known ones."""

import gzip
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.score.code.cases import CodeCase, read
from tests.fakes_code_host import Repository

START = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
ONSET, END = START + timedelta(minutes=20), START + timedelta(minutes=30)
REPO = "octo/shop"
RIGHT = 'RATE = 3\n\n\ndef share(total, parts):\n    """Share a total."""\n    return total / max(len(parts), 1)\n'
WRONG = RIGHT.replace("max(len(parts), 1)", "len(parts)")
USES = "from shop.pricing import share\n\n\ndef basket(parts):\n    return share(10, parts)\n"
TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/app/shop/basket.py", line 5, in basket\n'
    "    return share(10, parts)\n"
    '  File "/app/shop/pricing.py", line 6, in share\n'
    "    return total / len(parts)\n"
    "ZeroDivisionError: division by zero"
)


@dataclass(frozen=True)
class Shop:
    """Folders of cases and repositories, and the commits: the first, the fault, and one after it."""

    cases: Path
    repos: Path
    first: str
    culprit: str
    snapshot: str

    def case(self) -> CodeCase:
        """Return the one incident with a repository."""
        (case,) = [each for each in read(self.cases, self.repos) if each.git_dir]
        return case


def shop(folder: Path) -> Shop:
    """Write the repository, an incident of its fault, and one of a repository that is not at hand."""
    repository = Repository(folder / "repos" / REPO, START - timedelta(days=9))
    first = repository.commit({"shop/pricing.py": RIGHT, "shop/basket.py": USES, "shop/__init__.py": ""}, "Begin")
    culprit = repository.commit({"shop/pricing.py": WRONG}, "Share plainly", START - timedelta(hours=9))
    snapshot = repository.commit({"README.md": "A shop\n"}, "Describe it", START - timedelta(hours=5))
    frames = [{"file": "shop/basket.py", "line": 5}, {"file": "shop/pricing.py", "line": 6}]
    truth = {
        "kind": "executed",
        "repo": REPO,
        "snapshot": snapshot,
        "exception": "ZeroDivisionError: division by zero",
        "in_repo_frames": frames,
        "culprit_files": ["shop/pricing.py"],
        "culprit_commit": culprit,
        "culprit_tier": "gold-bisect",
    }
    cases = folder / "cases"
    record(cases / "executed" / "exe-shop-1", truth)
    record(cases / "quoted" / "msg-other-1", {**truth, "kind": "quoted", "repo": "octo/other"})
    return Shop(cases, folder / "repos", first, culprit, snapshot)


def record(folder: Path, truth: dict[str, Any]) -> None:
    """Write one case: a calm log in which the trace begins at the onset."""
    folder.mkdir(parents=True)
    window = [START.isoformat(), END.isoformat()]
    text = json.dumps({"service_name": "shop", "window": window, **truth})
    (folder / "case.json").write_text(text, encoding="utf-8")
    calm = [(START + timedelta(seconds=6 * n), f"INFO basket {n} served") for n in range(300)]
    failed = [(ONSET + timedelta(seconds=50 * n), f"ERROR basket failed\n{TRACE}") for n in range(11)]
    values = [[str(int(at.timestamp() * 1e9)), line] for at, line in sorted([*calm, *failed])]
    stream = {"stream": {"service_name": "shop"}, "values": values}
    body = {"status": "success", "data": {"resultType": "streams", "result": [stream]}}
    (folder / "logs.loki.json.gz").write_bytes(gzip.compress(json.dumps(body).encode()))
