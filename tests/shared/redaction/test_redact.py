"""Secrets are redacted for good, and ordinary text stays as it is."""

import gzip
import json
import random
import time
from collections.abc import Iterator
from itertools import islice

import pytest

from infra import bundle
from shared.redaction import holds_credentials, redact, redact_json, redact_lines
from shared.redaction.redact import RecentResults
from tests.planted_secrets import KEY_LOGGED_APART, PLANTED, Planted

CASES = bundle.ROOT.parent / "shared" / "cases"
MEGABYTE = 1_000_000


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.kind)
def test_secret_of_every_kind_is_redacted(planted: Planted) -> None:
    """Nothing of the secret is left, and a placeholder is in its place."""
    assert planted.secret in planted.line

    redacted = redact(planted.line)

    assert planted.secret not in redacted
    assert "[cut: " in redacted


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.kind)
def test_redacting_twice_changes_nothing(planted: Planted) -> None:
    """A text that is redacted several times stays the same after the first."""
    assert redact(redact(planted.line)) == redact(planted.line)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.kind)
def test_secret_is_redacted_inside_a_json_log_line(planted: Planted) -> None:
    """The line is a field of a JSON line, where quotes and line breaks are escaped."""
    line = json.dumps({"level": "error", "msg": planted.line, "n": 1})

    assert json.dumps(planted.secret)[1:-1] not in redact(line)


@pytest.mark.parametrize(
    "line",
    [
        '  File "/app/shop/pricing.py", line 53, in share_discount',
        "    at com.acme.shop.TokenService.refreshToken(TokenService.java:42)",
        "    at Object.<anonymous> (/srv/node_modules/lodash@4.17.21/index.js:10:5)",
        "java.security.InvalidKeyException: Illegal key size: token 17",
        "commit 713942626104c0ffee713942626104c0ffee7139 by build 2026.11.23",
        "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
        "request 550e8400-e29b-41d4-a716-446655440000 took 12 ms",
        "ts=1764000000000000000 at 2026-11-23T10:00:00.123456789+02:00",
        "digest sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "SyntaxError: Unexpected token: punc (})",
        "password: must be at least 8 characters",
        "invalid password for user_id 7",
        'token = request.headers.get("X-Token")',
        "self.password = settings.db_password",
        "Basic authentication failed; bearer token is missing",
        "max_token: 4096 next_token: null primary_key=order_id cache_key=user:17",
        "PWD=/home/app OLDPWD=/srv",
        "KeyError: 'secret'",
        "loaded git@main and user@host in 0.4111111111111111 s",
        "offset 4111111111111112 of partition 3",
        "GET /orders?page=2&sort=asc HTTP/1.1 200 +12 -3",
    ],
)
def test_ordinary_line_stays_as_it_is(line: str) -> None:
    """Frames, hashes, ids, times, numbers and text about secrets are not secrets."""
    assert redact(line) == line


@pytest.mark.parametrize(
    "line",
    [
        "password is wrong",
        "token is expired",
        "access key is missing",
        "credentials are invalid",
        "api key was rejected",
        "secret not found",
        'secret "orders-tls-7f8d9" not found',
        "docker run -p 8080 -p 8443:443 -u 1000:1000 shop",
        "pin 3 of 4",
        "password for user_17 was rejected after 3 attempts",
        "Access denied for user 'svc'@'db' (using password: YES)",
        "password sha256 hash differs, credentials oauth2 flow",
        "password user_id=7 took 1200ms at 2026-11-23T10:00:00Z",
        "api key v1beta1 in app/keys.py:53",
        "token 4bf92f35 at com.acme.Auth2.check",
        "the secret is in vault/orders/db1",
        "main.go:1234:20: undefined: token",
        "sent SIGTERM, sig=SIGTERM, otp service on port 8080",
        "mkdir -p /srv/app1 && ps -u app",
    ],
)
def test_text_about_secrets_stays_as_it_is(line: str) -> None:
    """The state of a secret, and ports, users and hashes near one, are not secrets."""
    assert redact(line) == line


def test_key_logged_line_by_line_is_redacted_whole() -> None:
    """Loki stores each line of a multi-line text separately, and other lines may come between."""
    lines = ["starting", *KEY_LOGGED_APART[:2], "GET /health 200", *KEY_LOGGED_APART[2:], "Done"]

    redacted = redact_lines(lines)

    assert (redacted[0], redacted[3], redacted[-1]) == ("starting", "GET /health 200", "Done")
    assert not any(line in "\n".join(redacted) for line in KEY_LOGGED_APART[1:-1])


def test_key_without_an_end_is_redacted_as_far_as_it_looks_like_one() -> None:
    """The page may end inside a key."""
    redacted = redact_lines([*KEY_LOGGED_APART[:3], "order 17 accepted"])

    assert not any(line in "\n".join(redacted) for line in KEY_LOGGED_APART[1:3])
    assert redacted[-1] == "order 17 accepted"


def test_secret_is_redacted_whatever_lines_stand_before_it() -> None:
    """A log is searched in parts, and what was not in one part is looked for in the new words of the next."""
    ordinary = [f"GET /orders/{number % 40} 200 in {number % 9} ms" for number in range(150)]
    lines = [line for planted in PLANTED for line in (*ordinary, planted.line)]

    redacted = redact_lines(lines)

    assert not [one.kind for one, line in zip(PLANTED, redacted[150::151], strict=True) if one.secret in line]
    assert [line for line in redacted if line in ordinary] == ordinary * len(PLANTED)


def test_long_text_that_leaves_again_takes_no_time() -> None:
    """A brief leaves by mail, archive and trace, and whoever redacts it does not know that it was."""
    text = "".join(f"line {number} of a brief, api_key=Zx81kk2mQ0Pw{number}\n" for number in range(3_000))
    start = time.process_time()
    once = redact(text)
    first = time.process_time() - start

    start = time.process_time()
    assert redact(f"{text} "[:-1]) == once == redact(f"{once} "[:-1])

    assert time.process_time() - start < first / 10


def test_results_of_long_texts_are_bounded() -> None:
    """The oldest are forgotten, and a text that needs all of the room is not remembered."""
    results = RecentResults(100)
    for char in "abc":
        results.add(char * 20, char)
        results.add("z" * 99, "long")
        results.get("a" * 20)

    results.add("d" * 40, "d")

    assert [results.get(char * 20) for char in "abc"] == ["a", None, "c"]
    assert (results.get("d" * 40), results.get("z" * 99)) == ("d", None)


def test_json_value_is_redacted_by_the_name_of_its_field() -> None:
    """A text under a secret's name needs no format of its own; numbers, names and other texts stay."""
    fields = {"password": "abc", "page": {"token": "Zx81kk2mQ0", "items": ["ghp_" + "a1" * 18, 5]}, "title": "abc"}

    assert redact_json(fields) == {
        "password": "[cut: password]",
        "page": {"token": "[cut: token]", "items": ["[cut: github token]", 5]},
        "title": "abc",
    }


def test_credentials_are_distinguished_from_personal_data() -> None:
    """A patch may hold its author's address, but no key."""
    assert holds_credentials("api_key = 'Zx81kk2mQ0Pw44'")
    assert not holds_credentials("# by ada@example.com, card 4111 1111 1111 1111")


HOSTILE = {
    name: piece * (MEGABYTE // len(piece))
    for name, piece in {
        "letters": "a", "digits": "4", "dots": "a.", "at signs": "a@", "nested quotes": "\\\"{'\"[", "spaces": " ",
        "names": "token:", "assignments": "password=", "open quotes": 'password="', "escaped": 'password=\\"',
        "addresses": "://a:", "keys begun": "-----BEGIN RSA PRIVATE KEY-----", "cookies": "cookie: a=b;",
        "jwt begun": "eyJaaaaaaaa.", "cards": "4111-", "ibans": "DE89 ", "pluses": "+1 ", "hex": "0123456789abcdef",
        "options": "--a-", "masks": "<host-", "brackets": "password=)", "prefixes": "sk-", "ssh": "ssh-rsa AAAA",
        "sentences": "password is ", "said": "password )))", "quotations": "passphrase '", "curls": "curl -u ",
        "mysql": "mysql -u ", "user options": "-u a:", "fields": ":5432:a:b", "owners": "token of ", "pins": "pin ",
        "backslashes": "\\", "percents": "%41", "entities": "&lt;", "colours": "\x1b[0m", "tags": "<b>",
        "bases": "cGFzc3dvcmQ9", "json": '{"a":"b",', "inserts": "insert into a (password) values (",
        "headers": "authorization: bearer ",
        "digests": 'digest a="b",', "hooks": "/hook/",
        "bound": "$1 = 'x' password = $1 ", "wide": "\uff50",
    }.items()
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_megabyte_takes_linear_time(name: str) -> None:
    """No pattern backtracks: four times the text costs at most about four times the time, never sixteen."""
    text = HOSTILE[name]

    quarter, whole = _seconds(text[: MEGABYTE // 4]), _seconds(text)

    assert whole < max(10 * quarter, 1.0)
    assert whole < 20


def _seconds(text: str) -> float:
    start = time.process_time()
    redact(text)
    return time.process_time() - start


def test_words_of_random_prose_stay() -> None:
    """Words, paths and numbers in random order hold no secret."""
    rng = random.Random(7)
    text = "order 17 failed /app/x.py:5 at 10:00:01.123 in 12ms key token user 3f2a9c host svc-1 {} [x] 2026-11-23"
    words = text.split()

    for _ in range(2_000):
        line = " ".join(rng.choices(words, k=12))
        assert redact(line) == line


@pytest.mark.skipif(not CASES.is_dir(), reason="the recorded incidents are not on this machine")
def test_recorded_logs_hardly_change() -> None:
    """Of real log lines without a login token, fewer than one in ten thousand changes."""
    texts = [text for text in islice(_recorded_lines(), 30_000) if "eyJ" not in text]

    changed = [text for text, redacted in zip(texts, redact_lines(texts), strict=True) if text != redacted]

    assert len(changed) <= len(texts) / 10_000


def _recorded_lines() -> Iterator[str]:
    for path in sorted(CASES.glob("*/*/logs.loki.json.gz"))[::7]:
        for stream in json.loads(gzip.decompress(path.read_bytes()))["data"]["result"]:
            yield from (value[1] for value in stream["values"][:2_000])


@pytest.mark.parametrize("value", ["hunter2 ada@example.com", "ada@example.com hunter2", "[cut: e-mail] hunter2"])
def test_placeholder_in_a_field_does_not_excuse_the_rest_of_it(value: str) -> None:
    """Whoever writes a log line can bring a placeholder, or what becomes one, next to a password."""
    assert "hunter2" not in str(redact_json({"password": value}))


def test_field_that_is_redacted_already_stays_as_it_is() -> None:
    """Redacting twice changes nothing."""
    once = redact_json({"password": "hunter2", "owner": "ada@example.com"})

    assert redact_json(once) == once


@pytest.mark.parametrize("around", ["{}", "# '{}'", '{{"line": "{}"}}', '"{}\\n"', "<td>{}</td>", "`{}`"])
def test_secret_at_the_end_of_a_line_is_one_where_the_line_is_quoted_too(around: str) -> None:
    """The same line stands in code, JSON and pages."""
    line = around.format("sentinel auth-pass mymaster qdwc7GP7XougXTEw")

    assert redact(line) == line.replace("qdwc7GP7XougXTEw", "[cut: password]")


@pytest.mark.parametrize(
    "text",
    [
        "bearer BAS\u0130C dXNlcjpwYXNzd29yZDEyMw==",
        "BAS\u0130C dXNlcjpwYXNzd29yZDEyMw==",
        "P\u0130N code 4829",
        "VER\u0130F\u0130CAT\u0130ON CODE: 482913",
        "x bearer AP\u0130KEY Zx81kk2mQ7p0aa",
        "SMS P\u0130N: 4829",
    ],
)
def test_capitals_of_a_turkish_system_hide_no_secret(text: str) -> None:
    """There the capital of i has a dot, and becomes two characters in lower case."""
    for redacted in (redact(text), redact_lines([text])[0], str(redact_json([text]))):
        assert "[cut: " in redacted
