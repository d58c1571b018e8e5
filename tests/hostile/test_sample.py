"""A sample of the attacks, one of each class: `make hostile` plays them all."""

from pathlib import Path

import pytest

from tests.hostile.attacks import all_attacks
from tests.hostile.forged_logs import Attack

FIRST = {attack.kind: attack for attack in reversed(list(all_attacks()))}

RULES: dict[str, tuple[str, object]] = {
    "functions.file_updater.write_branch.why_a_person": ("a model's own change", lambda *_: ""),
    "shared.analysis.grounds.doubt": ("a trace exactly as the service writes", lambda *_: ""),
    "functions.file_updater.patch_plan.reverted_commit": (
        "a patch that calls itself a revert",
        lambda patch, *_: patch.reverts,
    ),
}


@pytest.mark.parametrize("attack", FIRST.values(), ids=lambda attack: attack.kind)
def test_attack_is_held(attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on the code host that no person approved, and nothing is hidden."""
    assert attack.play(tmp_path / "attacked", monkeypatch) == ""


@pytest.mark.parametrize("rule", RULES)
def test_attack_that_gets_through_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """Without the rule the change is on a branch, and the attack says so."""
    kind, without = RULES[rule]
    monkeypatch.setattr(rule, without)

    assert "incident/" in FIRST[kind].play(tmp_path / "attacked", monkeypatch)
