"""The brief moves its reader to one thing: whatever a model writes, only code says what to do."""

import pytest

from functions.post_process.brief import agreement
from functions.post_process.brief.opinion import BriefWords
from functions.post_process.brief.render import render
from functions.post_process.brief.view import Usage, announcement
from shared.contracts import PostProcessRequest, RootCause
from tests.functions import post_process_requests as requests

ADVICE = (
    "Restart the pods.",
    "First, scale it to ten instances.",
    "You should replace the node.",
    "A rollback is not needed.",
    "Do not roll back.",
    "To mitigate, restart the service.",
    "It began at 02:44, so restart the workers.",
    "No action is required.",
    "The safest step is a restart.",
    "Wait until the ledger answers.",
    "Consider adding instances.",
    "More memory would end it.",
)
STATEMENTS = (
    "One invoice in four fails since 02:44 UTC.",
    "The rollout at 02:40 brought the error.",
    "Three pods restarted before the onset.",
    "Commit 4c1d9e07aa removed a guard; its confidence is 86 %.",
    "Which countries are affected is not known.",
    "The pull request reverts commit 4c1d9e07aa.",
    "Start-up took 40 s.",
)


def text_of(request: PostProcessRequest, summary: str = "") -> str:
    """Return the text of a brief that a model opens."""
    return render(request, [], Usage(), BriefWords(summary=summary)).text


@pytest.mark.parametrize("sentence", ADVICE)
def test_sentence_that_moves_the_reader_is_advice(sentence: str) -> None:
    """A command, an urging, or a word against one."""
    assert agreement.advises(sentence)


@pytest.mark.parametrize("sentence", STATEMENTS)
def test_sentence_that_states_something_is_none(sentence: str) -> None:
    """Also where it speaks of rollouts, restarts and reverts."""
    assert not agreement.advises(sentence)


@pytest.mark.parametrize("advice", ADVICE)
def test_opening_of_a_model_never_contradicts_what_to_do_now(advice: str) -> None:
    """Its advice is left out, and the action that code chose stands in its place."""
    text = text_of(requests.full(), f"One invoice in four fails. {advice} The ledger is slow.")

    opening = text[text.index("IN SHORT") :].split("\n\n")[0]
    assert advice not in text
    assert "One invoice in four fails. The ledger is slow. To do now: Roll billing-worker back" in opening


def test_opening_that_only_advises_is_left_out() -> None:
    """The action alone would repeat what stands above."""
    assert "IN SHORT" not in text_of(requests.full(), " ".join(ADVICE))


def test_headline_of_a_model_that_advises_gives_way_to_the_next_symptom() -> None:
    """The same by every channel."""
    symptoms = ["Restart the workers, they hang.", "One invoice in four fails."]
    request = requests.full(incident=requests.incident(initial_symptoms=symptoms))

    assert text_of(request).splitlines()[1] == "One invoice in four fails."
    assert announcement(request, [])["headline"] == "One invoice in four fails."


def test_cause_of_a_model_states_and_does_not_advise() -> None:
    """One that is nothing but advice is named by its evidence alone."""
    stated = RootCause(hypothesis="The ledger is slow. Restart the ledger.", confidence=0.8)
    advice = RootCause(hypothesis="Restart the ledger.", confidence=0.8)

    texts = [text_of(requests.full(root_causes=requests.root_causes(root_causes=[one]))) for one in (stated, advice)]

    assert "CAUSE\n-----------------\nThe ledger is slow.\nConfidence" in texts[0]
    assert "Restart the ledger" not in "".join(texts)
    assert "Named only by what it rests on, below." in texts[1]
    request = requests.full(root_causes=requests.root_causes(root_causes=[stated]))
    assert announcement(request, [])["most_likely_cause"] == "The ledger is slow."


def test_cause_by_rules_is_shown_as_it_is() -> None:
    """Rules quote lines, in which anything may stand."""
    quoted = RootCause(hypothesis="It fails: “Check ledger failed”. Restart failed at 02:44.", confidence=0.6)
    causes = requests.root_causes(root_causes=[quoted], produced_by="offline")

    assert quoted.hypothesis in text_of(requests.full(root_causes=causes))


@pytest.mark.parametrize("kind", ["external_dependency", "infrastructure_issue"])
def test_fault_of_others_is_not_named_above_a_rollback(kind: str) -> None:
    """Going back to an older release ends a fault of one's own: the kind that a model named gives way."""
    text = text_of(requests.full(incident=requests.incident(incident_type_hint=kind)))

    assert "1. Roll billing-worker back" in text
    assert kind.replace("_", " ").capitalize() not in text
