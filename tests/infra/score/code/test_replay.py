"""An incident goes through every step that reads and reasons."""

from dataclasses import replace

from infra.score.code.replay import replay
from tests.infra.score.code.small_cases import Shop


def test_answers_of_every_step_are_returned(small_shop: Shop) -> None:
    """With the repository the code is read at the snapshot."""
    answer = replay(small_shop.case())

    assert answer.incident.needs_response
    assert answer.code is not None
    assert answer.code.commit == small_shop.snapshot
    assert answer.causes is not None
    assert answer.solution is not None
    assert answer.solution.patch is not None


def test_without_a_repository_no_code_is_read(small_shop: Shop) -> None:
    """The other steps answer all the same."""
    answer = replay(replace(small_shop.case(), git_dir=None))

    assert answer.code is not None
    assert not answer.code.code_available
