"""What the console's list costs does not grow with the incidents there are."""

from pathlib import Path

from infra.bench.console_list import measure


def test_first_page_and_search_are_bounded(tmp_path: Path) -> None:
    """50 incidents for the page, 500 for a search that finds nothing, both far under 300 KB."""
    pages = measure(tmp_path, 1_200)

    assert [page.read for page in pages.values()] == [50, 500]
    assert max(page.size_bytes for page in pages.values()) < 300_000
