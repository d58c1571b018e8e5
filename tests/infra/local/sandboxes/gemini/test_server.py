"""The Gemini sandbox: answers by schema and script, refuses what Gemini refuses, counts calls."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.sandboxes.gemini import faults
from infra.local.sandboxes.gemini.scripts import SCRIPTS, text_turn
from infra.local.sandboxes.gemini.server import API_KEY, STATE, Fault, GeminiSandbox
from shared import contracts
from shared.bounds import Contract
from shared.model import schema

PATH = "/v1beta/models/gemini-3.8-flash:generateContent"
VERTEX = "/v1beta1/projects/p/locations/global/publishers/google/models/gemini-3.8-flash:generateContent"
CALL = {"functionCall": {"id": "c1", "name": "look", "args": {}}, "thoughtSignature": "c2ln"}
ANSWER = {"functionResponse": {"id": "c1", "name": "look", "response": {"result": "seen"}}}


def _body(contract: type[Contract] = contracts.RootCauses, prompt: str = "why?", **changes: Any) -> Any:
    json_schema = schema.wire(contract.model_json_schema())
    config = {"responseMimeType": "application/json", "responseJsonSchema": json_schema}
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": config, **changes}


def _post(server: GeminiSandbox, body: Any, path: str = PATH, key: str = API_KEY) -> requests.Response:
    return requests.post(server.url + path, json=body, headers={"x-goog-api-key": key}, timeout=10)


def _text(response: requests.Response) -> str:
    return str(response.json()["candidates"][0]["content"]["parts"][0]["text"])


@pytest.mark.parametrize(
    "contract",
    [contracts.Judgement, contracts.CodeFindings, contracts.RootCauses, contracts.Suggestions, contracts.FixOpinion],
)
def test_generated_answer_meets_the_contract(contract: type[Contract]) -> None:
    """An agent that sends its contract as schema gets an answer that meets it."""
    with GeminiSandbox() as server:
        text = _text(_post(server, _body(contract)))

    contract.model_validate_json(text)


def test_answer_agrees_with_the_prompt() -> None:
    """The offline analyst's answer is repeated, so the answer is about the evidence."""
    prompt = '<offline untrusted=ab12>\n{"most_likely":"a divisor is zero"}\n</offline untrusted=ab12>'
    with GeminiSandbox() as server:
        answer = json.loads(_text(_post(server, _body(prompt=prompt))))

    assert answer["most_likely"] == "a divisor is zero"


def test_prepared_answers_are_used_before_the_script() -> None:
    """A test can set the answers to one agent, call by call."""
    with GeminiSandbox(answers={"RootCauses": [{"most_likely": "first"}, text_turn("second")]}) as server:
        texts = [_text(_post(server, _body())) for _ in range(3)]

    assert (json.loads(texts[0])["most_likely"], texts[1]) == ("first", "second")
    assert "root_causes" in texts[2]


@pytest.mark.parametrize("path", [PATH, VERTEX, PATH.replace("v1beta", "v1")])
def test_developer_api_and_vertex_paths_are_served(path: str) -> None:
    """Both paths lead to the same model."""
    with GeminiSandbox() as server:
        response = _post(server, _body(), path)

    assert response.status_code == 200
    assert response.json()["modelVersion"] == "gemini-3.8-flash"


def test_wrong_key_is_refused() -> None:
    """As Gemini does: 400, not 401."""
    with GeminiSandbox() as server:
        assert _post(server, _body(), key="wrong").status_code == 400


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ([{"role": "user", "parts": [{"text": "?"}]}, {"role": "model", "parts": [CALL]}], "user role"),
        ([{"role": "model", "parts": [CALL]}, {"role": "user", "parts": [{"text": "?"}]}], "function response parts"),
        (
            [{"role": "model", "parts": [{"functionCall": CALL["functionCall"]}]}, {"role": "user", "parts": [ANSWER]}],
            "thought_signature",
        ),
    ],
    ids=["ends with the model", "call without response", "signature lost"],
)
def test_broken_conversation_is_refused(contents: list[Any], message: str) -> None:
    """Requests that Gemini answers with 400 get 400 here too."""
    with GeminiSandbox() as server:
        response = _post(server, _body(contents=contents))

    assert response.status_code == 400
    assert message in response.json()["error"]["message"]


def test_complete_conversation_is_accepted() -> None:
    """Call, signature and response, in order."""
    contents = [{"role": "model", "parts": [CALL]}, {"role": "user", "parts": [ANSWER]}]
    with GeminiSandbox() as server:
        assert _post(server, _body(contents=contents)).status_code == 200


def test_calls_and_the_calls_in_series_are_counted(tmp_path: Path) -> None:
    """Three parallel calls and two after them are five calls, three in series."""
    with GeminiSandbox(folder=tmp_path, meeting=range(1, 4)) as server:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: _post(server, _body()), range(3)))
        _post(server, _body())
        _post(server, _body())
        state = requests.get(server.url + STATE, timeout=5).json()

    assert state == {"calls": 5, "longest_series": 3}
    assert len(list(tmp_path.glob("[0-9]*.json"))) == 5


@pytest.mark.parametrize("name", [name for name in faults.NAMES if name not in ("slow", "reset")])
def test_fault_affects_as_many_calls_as_configured(name: str) -> None:
    """One call fails, the next succeeds."""
    with GeminiSandbox(fault=Fault(name, calls=1)) as server:
        bad, good = _post(server, _body()), _post(server, _body())

    contracts.RootCauses.model_validate_json(_text(good))
    assert bad.text != good.text


def test_reset_breaks_the_connection_within_the_answer() -> None:
    """The client gets the same error as from a broken network."""
    with (
        GeminiSandbox(fault=Fault("reset")) as server,
        pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)),
    ):
        _post(server, _body())


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_script_has_a_turn_for_every_agent(name: str) -> None:
    """No script crashes, hostile ones included."""
    tools = [{"functionDeclarations": [{"name": "read_file"}]}]
    with GeminiSandbox(script=SCRIPTS[name]) as server:
        for contract in (contracts.Judgement, contracts.CodeFindings, contracts.FixOpinion):
            assert _post(server, _body(contract, tools=tools)).status_code == 200
