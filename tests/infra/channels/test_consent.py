"""Consent by a browser on loopback, against a server that checks as Google does."""

import threading
from collections.abc import Iterator

import pytest
import requests

from infra.channels.consent import Client, Consent, Grant
from shared.errors import Refused, Unavailable
from tests.infra.channels.oauth_server import OauthServer


@pytest.fixture
def google() -> Iterator[OauthServer]:
    """Google on loopback."""
    with OauthServer() as server:
        yield server


def browsed(consent: Consent, timeout_s: float = 10) -> Grant:
    """Return the grant after a browser has followed the page's redirect."""
    browser = threading.Thread(target=lambda: requests.get(consent.url, timeout=5))
    browser.start()
    try:
        return consent.grant(timeout_s)
    finally:
        browser.join()


def test_agreement_becomes_a_refresh_token(google: OauthServer) -> None:
    """The code is exchanged with the verifier of this run, and the secret goes to the token service alone."""
    with Consent(google.client, "copilot@example.com") as consent:
        grant = browsed(consent)

    page, token = google.requests
    assert grant == Grant("refresh-1", None)
    assert page.param("login_hint") == "copilot@example.com"
    assert "client-secret" not in page.raw_path
    assert token.param("client_secret") == "client-secret"


def test_grant_of_a_testing_app_has_an_end(google: OauthServer) -> None:
    """Google says so in seconds."""
    google.extra = {"refresh_token_expires_in": 604_799}

    with Consent(google.client) as consent:
        assert browsed(consent).days == 6


def test_answer_with_another_state_changes_nothing(google: OauthServer) -> None:
    """Another page of the browser could bring the code of another account."""
    with Consent(google.client) as consent:
        answers: list[int] = []

        def forge_then_agree() -> None:
            answers.append(requests.get(f"{consent.redirect_url}/?code=evil&state=guess", timeout=5).status_code)
            answers.append(requests.get(f"{consent.redirect_url}/?error=access_denied", timeout=5).status_code)
            answers.append(requests.get(consent.url, timeout=5).status_code)

        browser = threading.Thread(target=forge_then_agree)
        browser.start()
        grant = consent.grant(10)
        browser.join()

    assert (grant.refresh_token, answers) == ("refresh-1", [400, 400, 200])


@pytest.mark.parametrize(
    ("problem", "extra", "words"),
    [
        ("access_denied", {}, "no consent .access_denied."),
        ("", {"scope": "openid"}, "the scope .*gmail.send was not granted"),
        ("", {"refresh_token": None}, "no refresh token"),
    ],
)
def test_consent_that_is_not_whole_is_refused(
    google: OauthServer, problem: str, extra: dict[str, object], words: str
) -> None:
    """Declined, a box that was not ticked, no token."""
    google.problem, google.extra = problem, extra

    with Consent(google.client) as consent, pytest.raises(Refused, match=words):
        browsed(consent)


def test_wrong_client_names_its_variables_and_no_secret(google: OauthServer) -> None:
    """The token service refuses it."""
    client = google.client
    wrong = Client(client.client_id, "wrong-secret", client.token_url, client.auth_url)

    with Consent(wrong) as consent, pytest.raises(Refused, match="GMAIL_CLIENT_SECRET") as caught:
        browsed(consent)

    assert "wrong-secret" not in str(caught.value)


def test_nobody_who_agrees_ends_the_wait(google: OauthServer) -> None:
    """Nothing is stored then."""
    with Consent(google.client) as consent, pytest.raises(Unavailable, match="nobody agreed"):
        consent.grant(0.3)


def test_closed_token_service_is_unavailable(google: OauthServer) -> None:
    """The error names the address, not the code."""
    client = google.client
    gone = Client(client.client_id, client.client_secret, "http://127.0.0.1:1/token", client.auth_url)

    with Consent(gone) as consent, pytest.raises(Unavailable, match="cannot be reached"):
        browsed(consent)
