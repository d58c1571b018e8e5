"""Who may read the console: a session with the key, IAP, or the laptop itself; in the cloud it is never open."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from functions.incident_console import console_login
from functions.incident_console.access import iap_assertion
from functions.incident_console.access.login_limit import LoginLimit
from infra.local.sandboxes.http import Reply, Request, Sandbox
from tests.functions.console_visits import CLOUD, HOST, KEY, cookies_of, field_of, text_of, visit

AUDIENCE = "/projects/1/locations/europe-west1/services/incident-console"
SAME = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No wrong keys and no keys of IAP from the test before."""
    monkeypatch.setattr(console_login, "_limit", LoginLimit())
    monkeypatch.setattr(iap_assertion, "_keys", iap_assertion._Keys())


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The console is opened by a key, in the cloud."""
    monkeypatch.setenv("K_SERVICE", "incident-console")
    monkeypatch.setenv("CONSOLE_API_KEY", KEY)
    return KEY


def from_cloud(path: str, form: dict[str, str] | None = None, **more: Any) -> Any:
    """Visit over the network."""
    return visit(path, form, host=HOST, environ=CLOUD, **more)


def login(typed: str, headers: dict[str, str] | None = None, **changes: str) -> Any:
    """Load the login form and send it."""
    form_page = from_cloud("/login")
    fields = {"form_token": field_of(form_page.get_data(as_text=True), "form_token"), "key": typed, **changes}
    return from_cloud("/login", fields, cookies=cookies_of(form_page), headers=headers or SAME)


def test_laptop_reads_without_a_key() -> None:
    """From this machine, by its own name."""
    for host in ("127.0.0.1:8080", "localhost:8080", "[::1]:8080"):
        assert "this machine" in text_of("/incidents", host=host)


def test_nobody_else_reads_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not over the network, not by a name that was led to loopback, not through a proxy, and not in the cloud."""
    assert from_cloud("/incidents").status_code == 403
    assert visit("/incidents", host="evil.example").status_code == 403
    assert visit("/incidents", environ=CLOUD).status_code == 403
    assert visit("/incidents", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 403
    monkeypatch.setenv("K_SERVICE", "incident-console")
    assert visit("/incidents").status_code == 403
    assert "CONSOLE_API_KEY" in visit("/incidents").get_data(as_text=True)


def test_short_key_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that could be guessed is a wrong setting, which is named and not repeated."""
    monkeypatch.setenv("CONSOLE_API_KEY", "letmein")

    response = visit("/incidents")

    assert response.status_code == 500
    assert "letmein" not in response.get_data(as_text=True)


def test_without_a_session_every_page_asks_for_the_key(key: str) -> None:
    """The form says nothing of any incident."""
    for path in ("/", "/incidents", "/incidents/inc-1", "/incidents/inc-1/trace.json", "/incidents/inc-1/live"):
        response = from_cloud(path)
        assert response.status_code == 401, path
        assert "Key of the console" in response.get_data(as_text=True)
        assert "inc-1" not in response.get_data(as_text=True).replace('value="/incidents/inc-1"', "")


def test_key_opens_a_session_that_only_this_site_can_use(key: str) -> None:
    """The cookie is for this host alone, over HTTPS, and no script reads it."""
    response = login(KEY)

    (cookie,) = [one for one in response.headers.getlist("Set-Cookie") if one.startswith("__Host-console=")]
    assert response.status_code == 303
    assert {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Domain" not in cookie
    assert KEY not in cookie
    assert from_cloud("/incidents", cookies=cookies_of(response)).status_code == 200


def test_login_leads_back_to_the_page_that_was_asked_for_and_nowhere_else(key: str) -> None:
    """The form carries a path of the console, or it is the list's."""
    assert field_of(from_cloud("/incidents/inc-7").get_data(as_text=True), "next") == "/incidents/inc-7"
    assert login(KEY, next="/incidents/inc-7").headers["Location"] == "/incidents/inc-7"
    for target in (
        "https://evil.example",
        "//evil.example",
        "/incidents/x/../../y",
        "javascript:1",
        "/incidents/\r\nX: 1",
    ):
        assert login(KEY, next=target).headers["Location"] == "/incidents"


def test_link_from_a_mail_opens_with_the_session_it_could_not_send(key: str) -> None:
    """The first answer opens the same page once more, from this site; it does not do so again."""
    first = from_cloud("/incidents/inc-7", headers={"Sec-Fetch-Site": "cross-site"})

    assert 'http-equiv="refresh"' in first.get_data(as_text=True)
    assert "Key of the console" in from_cloud("/incidents/inc-7", headers={"Sec-Fetch-Site": "same-origin"}).get_data(
        as_text=True
    )


def test_wrong_key_opens_nothing(key: str) -> None:
    """Nor a key that is nearly right; spaces around a pasted one do not matter."""
    for typed in ("", "x", KEY[:-1], KEY + "x", KEY.upper()):
        response = login(typed)
        assert response.status_code in (403, 429)
        assert not cookies_of(response).get("__Host-console")
    assert login(f" {KEY} ").status_code in (303, 429)


def test_wrong_keys_are_bounded(key: str) -> None:
    """After five within a minute the sixth waits, even with the right key; another address does not."""
    answers = [login("wrong").status_code for _ in range(6)]
    refused = login(KEY)

    assert answers == [403] * 5 + [429]
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    elsewhere = {**SAME, "X-Forwarded-For": "198.51.100.9, 192.0.2.7"}
    assert login(KEY, headers=elsewhere).status_code == 303
    forged = {**SAME, "X-Forwarded-For": "198.51.100.10, 169.254.1.1"}
    assert login(KEY, headers=forged).status_code == 429


def test_addresses_that_are_counted_are_bounded() -> None:
    """A sender of many addresses does not fill the instance."""
    limit = LoginLimit()

    for n in range(3_000):
        limit.note_wrong(f"192.0.2.{n}")

    assert len(limit._wrong) == 1_000


def test_login_form_of_another_site_is_rejected(key: str) -> None:
    """Without the token of the form that this browser loaded, or from another origin."""
    page = from_cloud("/login")
    token, cookies = field_of(page.get_data(as_text=True), "form_token"), cookies_of(page)

    assert from_cloud("/login", {"key": KEY}, cookies=cookies, headers=SAME).status_code == 400
    assert from_cloud("/login", {"key": KEY, "form_token": ""}, headers=SAME).status_code == 400
    assert from_cloud("/login", {"key": KEY, "form_token": token}, headers=SAME).status_code == 400
    assert from_cloud("/login", {"key": KEY, "form_token": "x" * 32}, cookies=cookies, headers=SAME).status_code == 400
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        form = {"key": KEY, "form_token": token}
        assert from_cloud("/login", form, cookies=cookies, headers=headers).status_code == 400, headers


def test_sign_out_needs_the_sessions_token(key: str) -> None:
    """Another site cannot end a session, and the page's own form can."""
    cookies = {"__Host-console": cookies_of(login(KEY))["__Host-console"]}
    token = field_of(from_cloud("/incidents", cookies=cookies).get_data(as_text=True), "form_token")

    assert from_cloud("/logout", {}, cookies=cookies, headers=SAME).status_code == 400
    assert from_cloud("/logout", {"form_token": "x"}, cookies=cookies, headers=SAME).status_code == 400
    response = from_cloud("/logout", {"form_token": token}, cookies=cookies, headers=SAME)
    assert response.status_code == 303
    assert "__Host-console=;" in response.headers["Set-Cookie"]


def test_session_is_signed_and_ends(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed cookie, one of another key and an old one open nothing."""
    cookie = cookies_of(login(KEY))["__Host-console"]
    expires, nonce, signature = cookie.split(".")

    def status(value: str) -> int:
        code: int = from_cloud("/incidents", cookies={"__Host-console": value}).status_code
        return code

    assert status(cookie) == 200
    for changed in (f"{int(expires) + 1}.{nonce}.{signature}", f"{expires}.{nonce}x.{signature}", "..", "x", ""):
        assert status(changed) == 401, changed
    assert from_cloud("/incidents", cookies={"console": cookie}).status_code == 401
    monkeypatch.setenv("CONSOLE_API_KEY", KEY[::-1])
    assert status(cookie) == 401


def test_old_session_opens_nothing(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After twelve hours the key is asked for again."""
    from functions.incident_console.access import console_session

    with monkeypatch.context() as patch:
        patch.setattr(console_session, "LIFE", -console_session.LIFE)
        cookie = console_session.new_session(KEY).cookie

    assert from_cloud("/incidents", cookies={"__Host-console": cookie}).status_code == 401


class Keys(Sandbox):
    """Serves IAP's public keys."""

    def __init__(self, keys: dict[str, str]) -> None:
        super().__init__()
        self._keys = keys

    def answer(self, request: Request) -> Reply:
        """Answer with the keys."""
        return Reply.of_json(self._keys)


PRIVATE = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def _pem(private: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


@pytest.fixture
def iap(monkeypatch: pytest.MonkeyPatch) -> Iterator[Keys]:
    """The console stands behind IAP."""
    with Keys({"k1": _pem(PRIVATE)}) as keys:
        monkeypatch.setattr(iap_assertion, "KEYS_URL", f"{keys.url}/public_key")
        monkeypatch.setenv("CONSOLE_IAP_AUDIENCE", AUDIENCE)
        monkeypatch.setenv("K_SERVICE", "incident-console")
        yield keys


def _part(value: dict[str, Any] | bytes) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def assertion(
    private: ec.EllipticCurvePrivateKey = PRIVATE, kid: str = "k1", alg: str = "ES256", **changes: Any
) -> str:
    """Return an assertion as IAP signs it."""
    now = int(time.time())
    claims = {"aud": AUDIENCE, "iss": "https://cloud.google.com/iap", "iat": now, "exp": now + 600}
    body = f"{_part({'alg': alg, 'kid': kid})}.{_part({**claims, 'email': 'ada@example.com', **changes})}"
    numbers = decode_dss_signature(private.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{body}.{_part(b''.join(number.to_bytes(32, 'big') for number in numbers))}"


def with_assertion(text: str) -> int:
    """Return the status of a request with this assertion."""
    code: int = from_cloud("/incidents", headers={"X-Goog-IAP-JWT-Assertion": text}).status_code
    return code


def test_iap_lets_in_whom_it_signs_for(iap: Keys) -> None:
    """Their address stands on the page; the keys are read once."""
    response = from_cloud("/incidents", headers={"X-Goog-IAP-JWT-Assertion": assertion()})

    assert response.status_code == 200
    assert "ada@example.com" in response.get_data(as_text=True)
    assert with_assertion(assertion()) == 200
    assert len(iap.requests) == 1


def test_iaps_word_counts_only_as_iap_signed_it_for_this_console(iap: Keys) -> None:
    """Another audience, issuer, key, an old one, one without a signature, and none at all are refused."""
    body, _, _ = assertion().rpartition(".")
    now = int(time.time())

    for text in (
        "",
        "x",
        "a.b.c",
        assertion(aud="/projects/1/locations/europe-west1/services/other"),
        assertion(aud=""),
        assertion(iss="https://accounts.google.com"),
        assertion(exp=now - 3600, iat=now - 7200),
        assertion(OTHER),
        assertion(kid="k2"),
        assertion(alg="none"),
        assertion(alg="HS256"),
        assertion(alg="RS256"),
        f"{body}.",
    ):
        assert with_assertion(text) == 403, text
    assert from_cloud("/incidents", headers={"X-Goog-Authenticated-User-Email": "ada@example.com"}).status_code == 403


def test_made_up_key_names_read_nothing_at_google(iap: Keys) -> None:
    """One reading serves them all for a while."""
    for n in range(20):
        with_assertion(assertion(kid=f"made-up-{n}"))

    assert len(iap.requests) == 1


def test_key_does_not_replace_iap(iap: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where IAP stands before the console, nobody signs in with the key."""
    monkeypatch.setenv("CONSOLE_API_KEY", KEY)

    assert from_cloud("/login").status_code == 403
    assert from_cloud("/incidents").status_code == 403


def test_iap_that_cannot_be_verified_lets_nobody_in(iap: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its keys there is no page."""
    monkeypatch.setattr(iap_assertion, "KEYS_URL", "http://127.0.0.1:9/public_key")

    assert with_assertion(assertion()) == 503


def test_nothing_else_needs_no_visitor(key: str) -> None:
    """The files of the login page are everybody's; they are the same for all."""
    for name in ("console.css", "console.js", "htmx.min.js", "uPlot.iife.min.js", "uPlot.min.css", "icon.svg"):
        response = from_cloud(f"/static/{name}")
        assert response.status_code == 200
        assert "immutable" in response.headers["Cache-Control"]
    for name in ("", "../main.py", "%2e%2e/main.py", "absent.js"):
        assert from_cloud(f"/static/{name}").status_code == 404
