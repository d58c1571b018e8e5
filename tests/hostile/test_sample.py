"""A sample of the attacks, one of each class: `make hostile` plays them all."""

from pathlib import Path

import pytest

from tests.hostile.attacks import REVERTED, Attack, all_attacks
from tests.hostile.world import SOURCE, TRACE, world

FIRST = {attack.kind: attack for attack in reversed(list(all_attacks()))}


@pytest.mark.parametrize("attack", FIRST.values(), ids=lambda attack: attack.kind)
def test_attack_is_held(attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on the code host that no person approved, and nothing is hidden."""
    assert attack.play(tmp_path / "attacked", monkeypatch) == ""


def test_real_failure_is_drafted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same service with the same trace in an entry of its own: what holds the attacks holds back no help."""
    with world(tmp_path / "shop", monkeypatch, commits=[REVERTED, {"shop/pricing.py": SOURCE}]) as service:
        service.log(f"ERROR basket failed\n{TRACE}")
        exits = service.run()

    assert len(exits.pulls) == len(exits.branches) == 1
    assert "max(len(parts), 1)" in exits.pushed


def test_attack_that_gets_through_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the rule that a person comes first, the model's change is on a branch, and the attack says so."""
    monkeypatch.setattr("functions.file_updater.write_branch._needs_person", lambda _patch: False)
    attack = next(one for one in all_attacks() if one.kind == "a model's own change")

    assert "incident/" in attack.play(tmp_path / "attacked", monkeypatch)
