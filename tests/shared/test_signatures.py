"""Signatures: who wrote an answer."""

import json
from typing import Any

import pytest

from shared import signatures
from shared.errors import Misconfigured, Refused

RCA, OTHER = signatures.new_pair(), signatures.new_pair()
BODY: dict[str, Any] = {"confidence": 1.0, "causes": [{"n": 2, "text": "naïve"}], "none": None}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """This function is rca; the keys of both are known."""
    monkeypatch.setenv("STEP_SIGNING_KEY", RCA[0])
    monkeypatch.setenv("STEP_PUBLIC_KEYS", json.dumps({"rca": RCA[1], "suggestion": OTHER[1]}))


def checked(**changes: Any) -> None:
    """Check a signature of rca, with some of what was signed changed."""
    signed = signatures.sign("rca", "inc-1", "RCAAgent", BODY)
    facts: dict[str, Any] = {"author": "rca", "incident_id": "inc-1", "subject": "RCAAgent", "body": BODY}
    signatures.check(**{**facts, "signature": signed, **changes})


@pytest.mark.usefixtures("keys")
def test_own_signature_is_accepted() -> None:
    """Also after the body went through JSON that writes whole numbers its own way, and its keys in another order."""
    checked()
    checked(body={"none": None, "causes": [{"text": "naïve", "n": 2.0}], "confidence": 1})


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    "changes",
    [
        {"author": "suggestion"},
        {"incident_id": "inc-2"},
        {"subject": "RCAAgent-approved"},
        {"body": {**BODY, "confidence": 0.5}},
        {"body": {}},
        {"signature": ""},
        {"signature": "not base64 é"},
    ],
    ids=str,
)
def test_anything_else_is_refused(changes: dict[str, Any]) -> None:
    """Another author, incident, run or body is not what was signed."""
    with pytest.raises(Refused, match="is not signed by"):
        checked(**changes)


@pytest.mark.usefixtures("keys")
def test_author_without_a_key_is_refused_and_named() -> None:
    """A new function whose key was forgotten is not believed by accident."""
    with pytest.raises(Refused, match="STEP_PUBLIC_KEYS has no key of forecast"):
        checked(author="forecast")


def test_without_keys_nothing_is_signed_and_nothing_checked() -> None:
    """One function alone on a laptop has no keys."""
    assert signatures.sign("rca", "inc-1", "RCAAgent", BODY) == ""
    signatures.check("rca", "inc-1", "RCAAgent", BODY, "")


def test_public_keys_that_are_no_json_are_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are one text, so a half one is possible."""
    monkeypatch.setenv("STEP_PUBLIC_KEYS", '{"rca": ')

    with pytest.raises(Misconfigured, match="STEP_PUBLIC_KEYS is not a JSON object"):
        signatures.check("rca", "inc-1", "RCAAgent", BODY, "")


@pytest.mark.parametrize("name", ["STEP_SIGNING_KEY", "STEP_PUBLIC_KEYS"])
def test_broken_key_is_misconfigured_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The operator learns which variable to mend, and the log no key."""
    monkeypatch.setenv("STEP_SIGNING_KEY", RCA[0])
    monkeypatch.setenv("STEP_PUBLIC_KEYS", json.dumps({"rca": RCA[1]}))
    broken = "no key at all"
    monkeypatch.setenv(name, json.dumps({"rca": broken}) if name == "STEP_PUBLIC_KEYS" else broken)

    with pytest.raises(Misconfigured, match=name) as caught:
        checked()
    assert broken not in str(caught.value)
