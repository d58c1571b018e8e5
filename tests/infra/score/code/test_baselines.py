"""The baselines know the trace and git, and nothing else."""

from dataclasses import replace

from infra.score.code import baselines
from tests.infra.score.code.small_cases import Shop


def test_baselines_name_the_deepest_file_its_newest_commit_and_the_blamed_one(small_shop: Shop) -> None:
    """Of the file, not of the branch."""
    case = small_shop.case()

    assert baselines.files(case) == ["shop/pricing.py", "shop/basket.py"]
    assert baselines.newest_on_file(case) == [small_shop.culprit, small_shop.first]
    assert baselines.blamed(case) == [small_shop.culprit]


def test_frame_that_the_commit_does_not_hold_blames_nobody(small_shop: Shop) -> None:
    """A test can have written it."""
    truth = small_shop.case().truth
    frame = truth.in_repo_frames[0].model_copy(update={"file": "tests/written.py"})
    case = replace(small_shop.case(), truth=truth.model_copy(update={"in_repo_frames": [frame]}))

    assert baselines.blamed(case) == []


def test_without_a_repository_no_commit_is_named(small_shop: Shop) -> None:
    """The files are known from the trace."""
    case = replace(small_shop.case(), git_dir=None)

    assert (baselines.newest_on_file(case), baselines.blamed(case)) == ([], [])
