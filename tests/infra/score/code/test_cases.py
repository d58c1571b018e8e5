"""Known incidents are read with their truth, and with the repository that is at hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.score.code.cases import read, repository_of
from shared.errors import Rejected
from tests.infra.score.code.small_cases import REPO, Shop


def test_truth_of_an_incident_is_read(small_shop: Shop) -> None:
    """The deepest frame is first, the exception without its message."""
    case = small_shop.case()

    assert (case.name, case.tier, case.culprit) == ("exe-shop-1", "gold-bisect", small_shop.culprit)
    assert case.exception_type == "ZeroDivisionError"
    assert case.frames == [("shop/pricing.py", 6), ("shop/basket.py", 5)]


def test_file_that_was_moved_before_the_fix_is_of_the_fault(small_shop: Shop) -> None:
    """The truth names files as the fix does; a file of the same name elsewhere is another."""
    case = small_shop.case()
    moved = replace(case, truth=case.truth.model_copy(update={"culprit_files": ["src/shop/pricing.py"]}))

    assert moved.is_culprit("shop/pricing.py")
    assert not case.is_culprit("shop/other/pricing.py")
    assert not case.is_culprit("src/shop/pricing.py")


def test_incident_whose_repository_is_not_at_hand_is_read_without(small_shop: Shop) -> None:
    """It counts where no code is needed."""
    assert {case.name: case.git_dir is None for case in read(small_shop.cases, small_shop.repos)} == {
        "exe-shop-1": False,
        "msg-other-1": True,
    }
    assert all(case.git_dir is None for case in read(small_shop.cases, None))


def test_any_folder_of_incidents_is_read(small_shop: Shop) -> None:
    """It need not have the folders of the known ones."""
    assert [case.name for case in read(small_shop.cases / "quoted", None)] == ["msg-other-1"]


def test_repository_without_the_commit_is_none(small_shop: Shop) -> None:
    """A shallow copy can lack it."""
    assert repository_of(REPO, "f" * 40, small_shop.repos) is None


def test_folder_without_incidents_is_rejected(tmp_path: Path) -> None:
    """The message names the option; a case without culprit files is another part's."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "case.json").write_text("{}")

    with pytest.raises(Rejected, match="--cases"):
        read(tmp_path, None)


def test_incident_that_lacks_a_field_is_rejected_by_its_name(tmp_path: Path) -> None:
    """The message names folder and field."""
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "case.json").write_text(json.dumps({"culprit_files": ["a.py"], "repo": "o/n", "kind": "x"}))

    with pytest.raises(Rejected, match=r"(?s)one.*snapshot"):
        read(tmp_path, None)
