"""Of a crash without a repository the classes of the service are ranked, the deepest first."""

import json
from pathlib import Path

import pytest

from infra.score.code import crashes
from shared.errors import Rejected

ROW = {
    "id": "crash-1",
    "exception": "java.lang.IllegalStateException: no price",
    "culprit_classes": ["com.shop.Basket"],
    "in_repo_classes": ["com.shop.Price", "com.shop.Basket"],
    "trace": "--- com.shop.BasketTest::sum\n"
    "java.lang.IllegalStateException: no price\n"
    "\tat java.util.Objects.requireNonNull(Objects.java:20)\n"
    "\tat com.shop.Price$Line.of(Price.java:12)\n"
    "\tat com.shop.Basket.sum(Basket.java:30)\n"
    "\tat com.shop.BasketTest.sum(BasketTest.java:9)\n",
}


def test_classes_are_ranked_as_the_analyst_reads_the_trace(tmp_path: Path) -> None:
    """Libraries and tests are not the service's own; an inner class is its outer one."""
    (tmp_path / "d4j_traces.jsonl").write_text(json.dumps(ROW) + "\n")

    (one,) = crashes.measure(tmp_path, lambda _: None)

    assert (one.rank, one.frames_rank) == (2, 2)


def test_without_the_file_there_are_none(tmp_path: Path) -> None:
    """Other folders have no crashes."""
    assert crashes.measure(tmp_path, lambda _: None) == []


def test_row_that_cannot_be_read_is_rejected(tmp_path: Path) -> None:
    """The message names the line."""
    (tmp_path / "d4j_traces.jsonl").write_text("{}\n")

    with pytest.raises(Rejected, match="line 1"):
        crashes.measure(tmp_path, lambda _: None)
