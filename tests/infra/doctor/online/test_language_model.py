"""Each configured model is asked one tiny question."""

from collections.abc import Iterator

import pytest

from infra.doctor.check import Check
from infra.doctor.online.language_model import check_model
from infra.doctor.online.run import check_network
from infra.local.sandboxes.gemini import faults
from infra.local.sandboxes.gemini.server import API_KEY, GeminiSandbox


@pytest.fixture
def gemini() -> Iterator[GeminiSandbox]:
    """A Gemini on loopback."""
    with GeminiSandbox() as sandbox:
        yield sandbox


def checked(gemini: GeminiSandbox, **others: str) -> list[Check]:
    """Return the checks with the right key, unless another is named."""
    values = {"GEMINI_API_KEY": API_KEY, "GEMINI_BASE_URL": gemini.url, **others}
    return check_network(values, {"the model": check_model})


def test_each_model_is_asked_once(gemini: GeminiSandbox) -> None:
    """Two tiers, one of which a function shares, and a third model of another function."""
    checks = checked(gemini, GEMINI_MODEL_RCA="gemini-3.8-flash", GEMINI_MODEL_SUGGESTION="gemini-2.5-flash")

    names = ["gemini-3.5-flash-lite", "gemini-3.8-flash", "gemini-2.5-flash"]
    assert [check.what.split(" ")[2] for check in checks] == names
    assert {check.state for check in checks} == {"ok"}
    assert len(gemini.requests) == 3


def test_wrong_key_is_named_and_not_printed(gemini: GeminiSandbox) -> None:
    """Both models refuse it."""
    checks = checked(gemini, GEMINI_API_KEY="a-wrong-key")

    assert [(check.state, "GEMINI_API_KEY" in check.fix) for check in checks] == [("wrong", True)] * 2
    assert "a-wrong-key" not in str(checks)


def test_missing_model_names_the_variable(gemini: GeminiSandbox) -> None:
    """A misspelt name shows only in a call."""
    gemini.fail_next(faults.error(404, "NOT_FOUND", "models/gemini-9 is not found"))

    checks = checked(gemini, GEMINI_MODEL_LIGHT="gemini-9")

    assert [check.state for check in checks] == ["wrong", "ok"]
    assert "'gemini-9' in GEMINI_MODEL_HEAVY, GEMINI_MODEL_LIGHT" in checks[0].fix


def test_no_model_is_fine() -> None:
    """The offline analyst answers."""
    assert [check.state for check in check_network({}, {"the model": check_model})] == ["ok"]
