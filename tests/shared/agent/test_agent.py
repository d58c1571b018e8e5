"""The agent: refines, checks, falls back to the offline answer."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from shared import traces
from shared.admission.daily_spend import DailyCeiling, reserve
from shared.agent.agent import Agent, Toolbox
from shared.agent.claim_checks import GroundingContext
from shared.agent.prompt_evidence import PromptEvidence
from shared.contracts import Answer, RootCauses
from shared.errors import BadAnswer, Misconfigured, Unavailable
from shared.model.port import Tool
from shared.redaction import redact
from shared.redaction.masking import Redactor
from shared.step import steps
from shared.step.recorder import recording
from shared.traces.port import Run
from tests.builders import NOW, a_record, an_alert, an_incident
from tests.fakes_model import FakeModel, asking, connect, text_reply

LEAK = "refused password=hunter2x for svc"
OFFLINE = RootCauses(most_likely="offline thinks so")
INCIDENT_ID = an_alert().incident_id
GOOD = json.dumps(
    {
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
)


def _unchanged(causes: RootCauses, context: GroundingContext) -> tuple[RootCauses, list[str]]:
    return causes, []


def _answer_text(message: Any) -> str:
    """Return what the first tool answered."""
    (answer, *_) = message
    return str(answer.text)


def _ask(tmp_path: Path, check=_unchanged, toolbox: Toolbox | None = None, incident=None) -> RootCauses:
    prompt = tmp_path / "prompt.md"
    prompt.write_text("Be exact.\n---\n{{incident}} {{offline}}")
    agent = Agent[RootCauses](steps.RCA, prompt, RootCauses)
    return agent.refine(INCIDENT_ID, OFFLINE, {"incident": incident or an_incident()}, check, toolbox)


def test_without_a_model_the_offline_answer_is_returned(tmp_path) -> None:
    """A missing key is not a failure: the answer is not degraded."""
    assert _ask(tmp_path) == OFFLINE


def test_models_answer_replaces_the_offline_one_and_names_the_model(monkeypatch, tmp_path) -> None:
    """The refined answer names the model and its version."""
    connect(monkeypatch, FakeModel(GOOD))

    answer = _ask(tmp_path)

    assert answer.most_likely == "a divisor is zero"
    assert answer.produced_by == "gemini:gemini-test"


def test_model_cannot_write_produced_by_or_degraded(monkeypatch, tmp_path) -> None:
    """Only code writes these two fields, and the schema for the model does not have them."""
    fake = FakeModel(json.dumps({**json.loads(GOOD), "produced_by": "root", "degraded": "no"}))
    connect(monkeypatch, fake)

    answer = _ask(tmp_path)

    assert (answer.produced_by, answer.degraded) == ("gemini:gemini-test", None)
    assert not {"produced_by", "degraded"} & set(fake.questions[0].schema["properties"])


@pytest.mark.parametrize(
    "failure", ["{cut off", "{}", "[]", '{"root_causes": 3}', Unavailable("away"), BadAnswer("blocked")]
)
def test_failing_model_leaves_the_offline_answer_marked_degraded(monkeypatch, tmp_path, failure) -> None:
    """The engineer gets the offline answer and the reason."""
    connect(monkeypatch, FakeModel(failure))

    answer = _ask(tmp_path)

    assert answer.most_likely == OFFLINE.most_likely
    assert answer.produced_by == "offline"
    assert "offline analyst" in (answer.degraded or "")


def test_missing_key_degrades_the_answer_instead_of_failing_the_step(monkeypatch, tmp_path) -> None:
    """A wrong setting disables the model, not the analysis of the incident."""
    monkeypatch.setenv("MODEL_PROVIDER", "gemini")

    assert Misconfigured.__name__ in (_ask(tmp_path).degraded or "")


def test_broken_answer_gets_one_repair(monkeypatch, tmp_path) -> None:
    """The model receives what was wrong, and its second answer is used."""
    fake = FakeModel('{"root_causes": 3}', GOOD)
    connect(monkeypatch, fake)

    answer = _ask(tmp_path)

    assert answer.most_likely == "a divisor is zero"
    assert "root_causes" in str(fake.messages[1])


def test_model_that_stays_broken_is_asked_twice(monkeypatch, tmp_path) -> None:
    """There is one repair, not more."""
    fake = FakeModel("nonsense")
    connect(monkeypatch, fake)

    _ask(tmp_path)

    assert len(fake.messages) == 2


@pytest.mark.parametrize("text", [f"```json\n{GOOD}\n```", f"```\n{GOOD}\n```\n", f"\n{GOOD}  "])
def test_answer_in_a_markdown_fence_is_read(monkeypatch, tmp_path, text) -> None:
    """Models often add a Markdown fence; this is not a failure."""
    fake = FakeModel(text)
    connect(monkeypatch, fake)

    assert _ask(tmp_path).most_likely == "a divisor is zero"
    assert len(fake.messages) == 1


@pytest.mark.parametrize(
    "text", ["```\n" + " " * 1_900_000, "```" * 600_000, "\n" * 1_900_000 + "```", "[" * 1_900_000]
)
def test_two_megabytes_of_nonsense_are_read_in_linear_time(monkeypatch, tmp_path, text: str) -> None:
    """Whatever a model replies is read in one pass."""
    connect(monkeypatch, FakeModel(text))
    start = time.process_time()

    assert _ask(tmp_path).produced_by == "offline"
    # CPU time, which other processes do not change; reading each character anew would take hours.
    assert time.process_time() - start < 30


def test_too_long_prose_is_truncated_instead_of_rejected(monkeypatch, tmp_path) -> None:
    """A text over its length limit needs no second call."""
    fake = FakeModel(json.dumps({"most_likely": "so " * 2_000}))
    connect(monkeypatch, fake)

    answer = _ask(tmp_path)

    assert answer.most_likely.endswith("…")
    assert len(answer.most_likely) <= 1_000
    assert len(fake.messages) == 1


def test_what_the_check_drops_is_recorded(monkeypatch, tmp_path) -> None:
    """The trace holds every claim that was dropped."""
    connect(monkeypatch, FakeModel(GOOD))

    with recording() as done:
        _ask(tmp_path, check=lambda causes, context: (causes, ["dropped a quote"]))

    assert done.claims_dropped == ["dropped a quote"]


def test_cost_of_a_bad_answer_is_recorded(monkeypatch, tmp_path) -> None:
    """Each call was billed, so it counts even when its answer is not used."""
    connect(monkeypatch, FakeModel("no json"))

    with recording() as done:
        _ask(tmp_path)

    assert [reply.cost_usd for reply in done.replies] == [0.01, 0.01]
    assert isinstance(done.model_failures[0].error, BadAnswer)


def test_evidence_is_fenced_with_a_new_random_mark_each_time(monkeypatch, tmp_path) -> None:
    """Text from logs cannot guess the mark, so it cannot close the fence."""
    fake = FakeModel(GOOD)
    connect(monkeypatch, fake)

    _ask(tmp_path)
    _ask(tmp_path)

    first, second = (question.prompt.split("untrusted=")[1].split(">")[0] for question in fake.questions)
    assert first != second
    assert fake.questions[0].instructions == "Be exact."


def test_model_sees_masks_and_the_answer_has_real_names(monkeypatch, tmp_path) -> None:
    """A host name is never sent to the model; a mask in the answer becomes the host name again."""
    incident = an_incident(initial_symptoms=["refused by db7.prod.internal"])
    fake = FakeModel(GOOD)
    connect(monkeypatch, fake)
    _ask(tmp_path, incident=incident)
    mask = next(word for word in fake.questions[0].prompt.replace('"', " ").split() if word.startswith("<host-"))
    connect(monkeypatch, FakeModel(json.dumps({"most_likely": f"{mask} is away"})))

    answer = _ask(tmp_path, incident=incident)

    assert "db7.prod.internal" not in fake.questions[0].prompt
    assert answer.most_likely == "db7.prod.internal is away"


def _spent(tokens: int, cost_usd: float) -> None:
    store = traces.connect()
    store.open_incident(a_record(an_alert()))
    store.record_run(INCIDENT_ID, Run("RCAAgent", NOW, NOW, {}, None, tokens_in=tokens, cost_usd=cost_usd))


@pytest.mark.parametrize(
    ("name", "value", "tokens", "cost_usd"),
    [
        ("MODEL_MAX_TOKENS_PER_INCIDENT", "5000", 4_990, 0.0),
        ("MODEL_MAX_COST_USD_PER_INCIDENT", "0.5", 10, 0.51),
    ],
)
def test_incident_over_its_ceiling_gets_the_offline_answer(
    monkeypatch, tmp_path, name: str, value: str, tokens: int, cost_usd: float
) -> None:
    """The spending of other steps counts; over the ceiling no model is called, and the brief names the ceiling."""
    monkeypatch.setenv(name, value)
    fake = FakeModel(GOOD)
    connect(monkeypatch, fake)
    _spent(tokens, cost_usd)

    answer = _ask(tmp_path)

    assert name in (answer.degraded or "")
    assert fake.messages == []


def test_day_that_is_spent_gets_the_offline_answer(monkeypatch, tmp_path) -> None:
    """What other incidents reserved counts; one that has its part goes on with it, step after step."""
    monkeypatch.setenv("MODEL_MAX_COST_USD_PER_DAY", "0.1")
    ceiling = DailyCeiling.from_env()
    fake = FakeModel(GOOD)
    connect(monkeypatch, fake)

    assert reserve(traces.connect(), "inc-other", range(1), ceiling)
    assert _ask(tmp_path).degraded is None
    assert _ask(tmp_path).degraded is None
    assert not reserve(traces.connect(), "inc-third", range(1), ceiling)
    _spent(10, 0.07)
    answer = _ask(tmp_path)

    assert "MODEL_MAX_COST_USD_PER_DAY is 0.1" in (answer.degraded or "")
    assert len(fake.messages) == 2


def test_below_the_ceiling_the_model_is_asked(monkeypatch, tmp_path) -> None:
    """Earlier spending below the ceiling changes nothing."""
    fake = FakeModel(GOOD)
    connect(monkeypatch, fake)
    _spent(4_990, 0.1)

    assert _ask(tmp_path).degraded is None


def _toolbox(calls: list[dict[str, object]], rounds: int = 2) -> Toolbox:
    def read_something(args) -> str:
        calls.append(dict(args))
        return "seen"

    return Toolbox((Tool("read", "Reads.", {"type": "object"}, read_something),), rounds)


def test_tool_is_run_and_its_result_fenced(monkeypatch, tmp_path) -> None:
    """What a tool reads is evidence too."""
    calls: list[dict[str, object]] = []
    fake = FakeModel(asking("read"), GOOD)
    connect(monkeypatch, fake)

    answer = _ask(tmp_path, toolbox=_toolbox(calls))

    assert answer.most_likely == "a divisor is zero"
    assert calls == [{}]
    assert "<result_of_read untrusted=" in _answer_text(fake.messages[1])


def test_call_of_an_unknown_tool_is_refused_by_name(monkeypatch, tmp_path) -> None:
    """The provider may accept an unknown name; the agent does not."""
    calls: list[dict[str, object]] = []
    fake = FakeModel(asking("create_pull_request"), GOOD)
    connect(monkeypatch, fake)

    with recording() as done:
        _ask(tmp_path, toolbox=_toolbox(calls))

    assert calls == []
    assert "There is no function 'create_pull_request'" in _answer_text(fake.messages[1])
    assert "create_pull_request" in done.claims_dropped[0]


def test_endless_tool_loop_ends_in_the_offline_answer(monkeypatch, tmp_path) -> None:
    """The agent counts the rounds: two are run, one is refused, then the conversation ends."""
    calls: list[dict[str, object]] = []
    fake = FakeModel(asking("read"))
    connect(monkeypatch, fake)

    answer = _ask(tmp_path, toolbox=_toolbox(calls, rounds=2))

    assert answer.produced_by == "offline"
    assert len(calls) == 2
    assert fake.calls_allowed == [True, True, False, False]


def test_many_calls_in_one_turn_are_limited(monkeypatch, tmp_path) -> None:
    """Of a thousand calls in one turn, four are run."""
    calls: list[dict[str, object]] = []
    connect(monkeypatch, FakeModel(asking(*["read"] * 1_000), GOOD))

    _ask(tmp_path, toolbox=_toolbox(calls))

    assert len(calls) == 4


def test_unstructured_turn_is_followed_by_a_structured_one(monkeypatch, tmp_path) -> None:
    """An older model reads first, and then answers with a schema."""
    fake = FakeModel(text_reply("I have seen enough.", is_structured=False), GOOD)
    connect(monkeypatch, fake)

    answer = _ask(tmp_path, toolbox=_toolbox([]))

    assert answer.most_likely == "a divisor is zero"
    assert fake.calls_allowed == [True, False]


def test_prompt_with_an_unknown_name_is_an_error(monkeypatch, tmp_path) -> None:
    """A missing fact is a bug, not an empty string."""
    prompt = tmp_path / "prompt.md"
    prompt.write_text("Be exact.\n---\n{{incident}} {{offline}} {{weather}}")
    connect(monkeypatch, FakeModel(GOOD))

    with pytest.raises(ValueError, match="weather"):
        Agent[Answer](steps.RCA, prompt, RootCauses).refine(
            INCIDENT_ID, OFFLINE, {"incident": an_incident()}, lambda answer, context: (answer, [])
        )


def test_prompt_and_answer_of_a_tool_carry_no_secret_whatever_made_them(monkeypatch, tmp_path) -> None:
    """What goes to the model is redacted once more, whatever the prompt's own redaction let through."""
    around = "shared.agent.prompt_evidence.PromptEvidence.around"
    monkeypatch.setattr(around, lambda _self, _name, body: f"{body} {LEAK}")
    fake = FakeModel(asking("read"), GOOD)
    connect(monkeypatch, fake)

    _ask(tmp_path, toolbox=_toolbox([]))

    prompt, tool_answer = fake.messages
    assert "refused password=[cut: password] for svc" in prompt
    assert "hunter2x" not in f"{prompt}{_answer_text(tool_answer)}"


def test_marks_around_evidence_hold_nothing_that_redaction_replaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent is redacted once more; a mark of digits is a card number now and then, and then closes nothing."""
    monkeypatch.setattr(secrets, "token_hex", lambda _: "3502221118980357")
    fenced = PromptEvidence(Redactor("inc-1")).around("offline", "{}")

    assert redact(fenced) == fenced
    assert not any(char.isdigit() for char in fenced)
