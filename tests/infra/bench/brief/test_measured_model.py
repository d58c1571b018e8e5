"""The measuring sandbox keeps what each call took, until it is taken."""

from collections.abc import Iterator

import pytest
import requests

from infra.bench.brief.measured_model import MeasuredModel
from infra.local.sandboxes.gemini.server import API_KEY

BODY = {"contents": [{"role": "user", "parts": [{"text": "x" * 4000}]}]}


@pytest.fixture
def model() -> Iterator[MeasuredModel]:
    """A sandbox that listens."""
    with MeasuredModel() as sandbox:
        yield sandbox


def generate(model: MeasuredModel, key: str = API_KEY) -> None:
    """Make one call."""
    url = f"{model.url}/v1beta/models/gemini-3.8-flash:generateContent"
    requests.post(url, json=BODY, headers={"x-goog-api-key": key}, timeout=10)


def test_answered_calls_are_taken_once(model: MeasuredModel) -> None:
    """With their model and what they are billed for, thinking included."""
    model.latency_s = 0.05
    generate(model)

    (call,) = model.wait_calls(1, timeout_s=10)

    assert call.model == "gemini-3.8-flash"
    assert (call.tokens_in > 1000, call.tokens_out > 20) == (True, True)
    assert call.ended - call.began >= 0.05
    assert model.take_calls() == []


def test_refused_calls_are_not_counted(model: MeasuredModel) -> None:
    """They cost nothing."""
    generate(model, key="wrong")

    assert model.take_calls() == []
