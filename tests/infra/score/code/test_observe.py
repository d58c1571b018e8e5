"""An answer is compared with the truth; what is not named has no rank."""

from dataclasses import replace

from infra.score.code.observe import files_of, observe, rank
from infra.score.code.replay import CodeAnswer, replay
from tests.builders import an_incident
from tests.infra.score.code.small_cases import Shop


def test_right_answer_is_right_in_every_respect(small_shop: Shop) -> None:
    """File, commit, exception, frame and draft; the baselines are measured beside it."""
    one = observe(small_shop.case(), replay(small_shop.case()))

    assert (one.file_rank, one.file_rank_baseline, one.commit_rank, one.newest_rank, one.blame_rank) == (1, 1, 1, 1, 1)
    assert (one.is_exception_right, one.is_frame_right, one.is_file_right) == (True, True, True)
    assert one.draft is not None
    assert (one.draft.reverts, one.draft.broken_imports) == (small_shop.culprit, ())


def test_answer_that_names_another_file_and_commit_is_wrong(small_shop: Shop) -> None:
    """The same answer beside another truth."""
    case = small_shop.case()
    truth = case.truth.model_copy(update={"culprit_files": ["shop/other.py"], "culprit_commit": "f" * 40})

    one = observe(replace(case, truth=truth), replay(case))

    assert (one.file_rank, one.commit_rank, one.blame_rank) == (None, None, None)


def test_dismissed_incident_names_nothing(small_shop: Shop) -> None:
    """No step after detection has answered."""
    one = observe(small_shop.case(), CodeAnswer(an_incident(stack_traces=[]), 0.1))

    assert (one.file_rank, one.confidence, one.draft, one.is_exception_right) == (None, None, None, False)


def test_rank_is_the_place_of_the_first_that_matches() -> None:
    """From 1."""
    assert rank(["a", "b", "b"], lambda each: each == "b") == 2
    assert rank([], lambda _: True) is None
    assert files_of(None) == []
