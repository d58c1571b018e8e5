"""Commits that were reverted are ranked by what was known before the revert."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from infra.score.code import reverts
from shared.errors import Rejected
from tests.fakes_code_host import Repository
from tests.infra.score.code.small_cases import REPO, RIGHT, START, WRONG


def reverted(folder: Path) -> dict[str, str]:
    """Write a repository whose last commit reverts the one before; return the row of it."""
    repository = Repository(folder / "repos" / REPO, START - timedelta(days=9))
    repository.commit({"shop/pricing.py": RIGHT}, "Begin")
    culprit = repository.commit({"shop/pricing.py": WRONG}, "Share plainly", START - timedelta(hours=3))
    revert = repository.commit({"shop/pricing.py": RIGHT}, 'Revert "Share plainly"', START)
    time = START.isoformat()
    return {"id": "rev-shop-1", "repo": REPO, "revert": revert, "culprit": culprit, "revert_time": time}


def test_reverted_commit_is_ranked_without_its_revert(tmp_path: Path) -> None:
    """The revert itself is not there yet."""
    row = reverted(tmp_path)
    (tmp_path / "reverts.jsonl").write_text(json.dumps(row) + "\n")

    (one,) = reverts.measure(tmp_path, tmp_path / "repos", lambda _: None)

    assert (one.name, one.rank, one.newest_rank) == ("rev-shop-1", 1, 1)


def test_rows_without_their_repository_are_left_out(tmp_path: Path) -> None:
    """As are all where no repositories are named."""
    row = {**reverted(tmp_path), "repo": "octo/other"}
    (tmp_path / "reverts.jsonl").write_text(json.dumps(row) + "\n")

    assert reverts.measure(tmp_path, tmp_path / "repos", lambda _: None) == []
    assert reverts.measure(tmp_path, None, lambda _: None) == []


def test_row_that_cannot_be_read_is_rejected(tmp_path: Path) -> None:
    """The message names the file and the field."""
    (tmp_path / "reverts.jsonl").write_text("{}\n")

    with pytest.raises(Rejected, match=r"(?s)reverts\.jsonl.*culprit"):
        reverts.measure(tmp_path, tmp_path, lambda _: None)
