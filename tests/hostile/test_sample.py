"""A sample of the attacks, one of each class: `make hostile` plays them all."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from shared.bounds import Contract
from shared.contracts import Solution, Suggestions
from tests.builders import an_incident
from tests.hostile.attacks import all_attacks
from tests.hostile.forged_logs import Attack
from tests.hostile.model_words import reached
from tests.hostile.world import Exits

BY_KIND: dict[str, list[Attack]] = {}
for one in all_attacks():
    BY_KIND.setdefault(one.kind, []).append(one)
FIRST = {kind: attacks[0] for kind, attacks in BY_KIND.items()}
ADVICE: tuple[tuple[str, Callable[..., Contract], str], ...] = (
    ("suggestions", Suggestions, "recommended_action"),
    ("solution", partial(Solution, incident_category="unknown"), "recommended_solution"),
)
HTML = "<!doctype html><html>{}</html>"
NONE = {"incident": an_incident()} | {name: kind() for name, kind, _ in ADVICE}

RULES: dict[str, tuple[str, object, str]] = {
    "functions.file_updater.write_branch.why_a_person": ("a model's own change", lambda *_: "", "incident/"),
    "shared.analysis.grounds.doubt": ("a trace exactly as the service writes", lambda *_: "", "incident/"),
    "functions.file_updater.patch_plan.reverted_commit": (
        "a patch that calls itself a revert",
        lambda patch, *_: patch.reverts,
        "incident/",
    ),
    "shared.agent.claim_checks.GroundingContext._objection": (
        "a model proves a lie by a quote",
        lambda *_: None,
        "it is",
    ),
    "shared.agent.claim_checks.GroundingContext.doubt": (
        "a model states what nobody read",
        lambda *_: None,
        "reported in",
    ),
    "functions.incident_detection.log_query_tool.judgement": (
        "a model hides an incident",
        lambda refined, *_: (refined, []),
        "the outcome is",
    ),
    "shared.analysis.confidence.of_evidence": ("a model is surer than the evidence", lambda *_: 0.95, "it is sure by"),
    "shared.agent.budget.Budget.check": ("a ceiling is reached", lambda *_: None, "calls"),
    "infra.local.terminal.visible": ("stored text acts in a terminal", lambda text: text, "it writes"),
    "functions.file_updater.needs_person.brings_what_was_never_there": (
        "a revert to what no reviewer saw",
        lambda *_: False,
        "it pushed",
    ),
}
"""What holds a class of attacks: the attack, what stands in the rule's place, and what it gets then."""


@pytest.mark.parametrize("attack", FIRST.values(), ids=lambda attack: attack.kind)
def test_attack_is_held(attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is on the code host that no person approved, nothing is hidden, and nobody else speaks."""
    assert attack.play(tmp_path / "attacked", monkeypatch) == ""


@pytest.mark.parametrize("rule", RULES)
def test_attack_that_gets_through_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """Without the rule it gets something, and says what."""
    kind, without, gets = RULES[rule]
    monkeypatch.setattr(rule, without)

    got = [attack.play(tmp_path / str(number), monkeypatch) for number, attack in enumerate(BY_KIND[kind][:8])]
    assert gets in "".join(got)


@pytest.mark.parametrize(
    ("page", "advised"),
    [
        ('<div class="code">rm -rf /x</div>', ""),
        ("<pre>rm -rf /x</pre>", ""),
        ('<a href="https://evil.example">Runbook</a>', ""),
        ("<h2>Do now</h2><p>rm -rf /x</p><h2>Pull request</h2>", ""),
        ("", "rm -rf /x"),
    ],
)
def test_words_that_can_be_run_or_opened_are_noticed(page: str, advised: str) -> None:
    """Wherever they stand; as prose they do nothing."""
    advice = {"incident": an_incident()} | {name: kind(**{field: advised}) for name, kind, field in ADVICE}

    assert reached(Exits([], [], {"archive": HTML.format(page), "mail": ""}, advice), "rm -rf /x")
    assert not reached(Exits([], [], {"archive": HTML.format("<p>rm -rf /x</p>"), "mail": ""}, NONE), "rm -rf /x")
