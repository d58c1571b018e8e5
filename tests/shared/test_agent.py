"""The agent: refines, grounds, falls back."""

import json
from pathlib import Path

import pytest

from shared import model
from shared.agent import Agent
from shared.contracts import RootCause, RootCauses
from shared.errors import BadAnswer, IncidentCopilotError, Unavailable
from shared.evidence import grounded
from shared.model.port import Question, Reply
from shared.recorder import recording
from tests.builders import an_alert, an_incident

OFFLINE = RootCauses(most_likely="offline thinks so")
GROUNDED = {
    "root_causes": [
        {
            "hypothesis": "a divisor is zero",
            "confidence": 0.9,
            "evidence_ids": ["L1"],
            "quotes": [{"evidence_id": "L1", "text": "division by zero"}],
        }
    ],
    "most_likely": "a divisor is zero",
}


class FakeModel:
    """Answers with what it was given, and keeps the questions."""

    def __init__(self, answer: str | IncidentCopilotError) -> None:
        self._answer = answer
        self.questions: list[Question] = []

    def answer(self, question: Question) -> Reply:
        """Return the answer, or raise it."""
        self.questions.append(question)
        if isinstance(self._answer, IncidentCopilotError):
            raise self._answer
        return Reply(self._answer, "gemini-test", tokens_in=10, tokens_out=5, cost_usd=0.01)


def _ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake: FakeModel | None) -> RootCauses:
    prompt = tmp_path / "prompt.md"
    prompt.write_text("Be exact.\n---\n{{incident}} {{offline}} {{alert}}")
    incident = an_incident()
    agent = Agent[RootCauses](
        "rca", "light", prompt, RootCauses, check=lambda causes: grounded(causes, incident.evidence)
    )
    monkeypatch.setattr(model, "connect", lambda agent, tier: fake)
    return agent.refine(OFFLINE, {"incident": incident, "alert": an_alert()})


def test_without_a_model_the_offline_answer_stands(monkeypatch, tmp_path) -> None:
    """No key is no failure: the answer is not degraded."""
    assert _ask(monkeypatch, tmp_path, None) == OFFLINE


def test_models_answer_replaces_the_offline_one_and_says_who_made_it(monkeypatch, tmp_path) -> None:
    """The refined answer carries the model's version."""
    answer = _ask(monkeypatch, tmp_path, FakeModel(json.dumps(GROUNDED)))

    assert answer.most_likely == "a divisor is zero"
    assert answer.produced_by == "gemini:gemini-test"


def test_model_cannot_say_who_it_is_or_that_all_is_well(monkeypatch, tmp_path) -> None:
    """`produced_by` and `degraded` are written by code alone, and not even asked for."""
    fake = FakeModel(json.dumps({**GROUNDED, "produced_by": "root", "degraded": "no"}))

    answer = _ask(monkeypatch, tmp_path, fake)

    assert (answer.produced_by, answer.degraded) == ("gemini:gemini-test", None)
    assert not {"produced_by", "degraded"} & set(fake.questions[0].schema["properties"])


@pytest.mark.parametrize("failure", ["{cut off", '{"root_causes": 3}', Unavailable("away"), BadAnswer("blocked")])
def test_failing_model_leaves_the_offline_answer_marked_degraded(monkeypatch, tmp_path, failure) -> None:
    """The engineer gets the offline answer and is told why."""
    answer = _ask(monkeypatch, tmp_path, FakeModel(failure))

    assert answer.most_likely == OFFLINE.most_likely
    assert answer.produced_by == "offline"
    assert answer.degraded is not None
    assert "offline analyst" in answer.degraded


def test_invented_quote_is_dropped(monkeypatch, tmp_path) -> None:
    """A hypothesis that rests on words nobody logged does not reach the brief."""
    invented = RootCause(
        hypothesis="aliens", confidence=0.99, evidence_ids=["L9"], quotes=[{"evidence_id": "L1", "text": "UFO"}]
    )
    fake = FakeModel(json.dumps({"root_causes": [invented.model_dump()], "most_likely": "aliens"}))

    answer = _ask(monkeypatch, tmp_path, fake)

    assert answer.root_causes == []
    assert answer.most_likely == ""


def test_cost_of_a_bad_answer_is_recorded(monkeypatch, tmp_path) -> None:
    """The call was billed, so it counts even when nothing of it is used."""
    with recording() as done:
        _ask(monkeypatch, tmp_path, FakeModel("no json"))

    assert done.replies[0].cost_usd == 0.01


def test_evidence_is_fenced_by_a_fresh_word_each_time(monkeypatch, tmp_path) -> None:
    """Text from logs cannot close a fence it cannot guess."""
    fake = FakeModel(json.dumps(GROUNDED))

    _ask(monkeypatch, tmp_path, fake)
    _ask(monkeypatch, tmp_path, fake)

    first, second = (question.prompt.split("untrusted=")[1].split(">")[0] for question in fake.questions)
    assert first != second
    assert fake.questions[0].instructions == "Be exact."
