"""A revert goes on a branch by itself only where it brings back what the base branch itself once had."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from functions.file_updater.branch_history import brings_what_was_never_there
from shared.code_host.port import Comparison
from tests.fakes_code_host import GitReader, Repository

GOOD, BAD, EVIL = "a = 1\n", "a = 2\n", "a = 1\nevil()\n"


class Short(GitReader):
    """A code host that lists only the newest of what lies between two commits."""

    def compare(self, base: str, head: str) -> Comparison:
        """Return the newest commit alone."""
        return replace(super().compare(base, head), commits=super().compare(base, head).commits[-1:])


def merged(folder: Path, *states: str, catches_up: bool = False) -> tuple[Repository, str]:
    """Return a repository with a merged branch of one commit for each state of the file, and the last of them."""
    shop = Repository(folder)
    shop.commit({"cart.py": GOOD, "other.py": "b = 1\n"})
    shop.git("checkout", "-q", "-b", "side")
    for text in states[:-1]:
        shop.commit({"cart.py": text})
    if catches_up:
        shop.git("checkout", "-q", "main")
        shop.commit({"other.py": "b = 2\n"})
        shop.git("checkout", "-q", "side")
        shop.git("merge", "-q", "--no-ff", "main", "-m", "Catch up")
    last = shop.commit({"cart.py": states[-1]})
    shop.git("checkout", "-q", "main")
    shop.commit({"other.py": "b = 3\n"})
    shop.git("merge", "-q", "--no-ff", "side", "-m", "Merge a pull request")
    shop.commit({"other.py": "b = 4\n"})
    return shop, last


def brings(shop: Repository, sha: str) -> bool:
    """Ask about a revert on the newest commit."""
    return brings_what_was_never_there(GitReader(shop.folder, "main"), sha, shop.head())


@pytest.mark.parametrize("catches_up", [False, True])
@pytest.mark.parametrize(("states", "is_new"), [([BAD], False), ([EVIL, BAD], True), ([EVIL, GOOD, BAD], False)])
def test_merged_branch_is_believed_where_it_began(
    tmp_path: Path, states: Sequence[str], is_new: bool, catches_up: bool
) -> None:
    """Its commits may bring anything in between, also where it took the base branch in meanwhile."""
    shop, last = merged(tmp_path / "shop", *states, catches_up=catches_up)

    assert brings(shop, last) is is_new


def test_file_that_a_merged_branch_removed_again_counts(tmp_path: Path) -> None:
    """The revert would create it."""
    shop = Repository(tmp_path / "shop")
    shop.commit({"cart.py": GOOD})
    shop.git("checkout", "-q", "-b", "side")
    shop.commit({"evil.py": EVIL})
    last = shop.commit({"evil.py": None, "cart.py": BAD})
    shop.git("checkout", "-q", "main")
    shop.git("merge", "-q", "--no-ff", "side", "-m", "Merge a pull request")

    assert brings(shop, last)


def test_commit_of_the_branch_itself_brings_what_was_there(tmp_path: Path) -> None:
    """Whatever it holds, the branch stood there."""
    shop = Repository(tmp_path / "shop")
    shop.commit({"cart.py": EVIL})
    sha = shop.commit({"cart.py": GOOD})

    assert not brings(shop, sha)
    shop.commit({"cart.py": BAD})
    assert not brings(shop, sha)


def test_what_one_comparison_does_not_list_is_not_believed(tmp_path: Path) -> None:
    """Then nobody knows which way the branch went."""
    shop, last = merged(tmp_path / "shop", BAD)
    reader = Short(shop.folder, "main")

    assert brings_what_was_never_there(reader, last, shop.head())
