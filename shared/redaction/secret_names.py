"""Names of secrets, in any spelling: `password`, `DB_PASS`, `clientSecret`, `x-api-key`, `refresh token`."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from shared.redaction.patterns import Pattern
from shared.redaction.rules import Text, places

_SUFFIX = (
    r"(?:[ _-]?(?:confirm(?:ation)?|repeat|again|hash(?:ed)?|digest|encrypted|plain(?:text)?|value|header|cookie"
    r"|base64|b64)|[_-]?\d{1,2}(?![a-z0-9])|\s\d(?=[:\s]))?"
)


class SecretName(NamedTuple):
    """
    A name of a secret in a text; what `is_sure` is followed by is a secret even when it looks like a word.

    What `needs_all` is followed by is one only with capitals, small letters and digits.
    """

    start: int
    end: int
    kind: str
    is_sure: bool
    needs_all: bool = False


@dataclass(frozen=True)
class _Noun:
    """
    What a name ends with, in lower case; `hint` is what its shape starts with.

    One of the words of `follows` must and none of `never_follows` may stand in front of it, or what `before` matches;
    `is_word` says that a word starts there.
    """

    kind: str
    hint: str
    shape: str
    is_sure: bool = False
    is_word: bool = False
    follows: tuple[str, ...] = ()
    never_follows: tuple[str, ...] = ()
    before: str = ""
    needs_all: bool = False

    @cached_property
    def pattern(self) -> Pattern:
        return Pattern(rf"{self.shape}{_SUFFIX}(?![a-z])")

    @cached_property
    def required(self) -> Pattern:
        return Pattern(rf"(?:{self.before})$")

    def may_follow(self, before: str) -> bool:
        """Whether the noun can stand after this text, in lower case."""
        if self.before:
            return self.required.search(before) is not None
        words = before.translate(_WITHOUT_SIGNS)
        return (not self.follows or words.endswith(self.follows)) and not words.endswith(self.never_follows or ("\0",))


_WITHOUT_SIGNS = dict.fromkeys(map(ord, " _.-"))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SURE_SECRETS = _words(
    "client app application consumer api shared jwt signing webhook oauth hmac auth totp mfa session cookie bot "
    "hook user service sasl"
)
_KEYS = _words(
    "api xapi access secret private signing signature encrypt encryption decrypt decryption cipher crypt crypto "
    "cryption master auth session license licence storage account shared sharedaccess webhook service servicerole "
    "fernet aes hmac rsa app application integration ingest ingestion instrumentation subscription admin server "
    "stripe sendgrid datadog dd mailgun twilio algolia functions deploy ssh pgp gpg psk preshared wrapping unseal "
    "root recovery seed jwt jws token cookie user write read project bot hook sas client tls kek dek vapid push "
    "firebase mapbox sentry newrelic openai anthropic gemini azure aws gcp github gitlab slack ssl openssl wep "
    "wpa wifi network base join cluster pem activation csrf xsrf"
)
_SURE_KEYS = _words(
    "api secretaccess account sharedaccess private application app encryption fernet master storage servicerole "
    "subscription instrumentation"
)
_LOOKUPS = _words(
    "primary foreign public pub cache partition sort range hash idempotency dedup deduplication routing object "
    "message record row group shard bucket s3 event translation index join lookup unique candidate composite "
    "natural map dict missing state request correlation trace span storageobject no lock ratelimit redis content "
    "file image media sitemap kid"
)
_PAGES = _words(
    "next nextpage page paging continuation cursor sync resume previous prev start end unexpected illegal max min "
    "total prompt completion input output cancellation cancel change no per idempotency request concurrency "
    "delimiter special pad eos bos mask reasoning cached image fencing partition stop shutdown skip delta list "
    "row lock lease"
)

_LOGINS = _words("db smtp mail user redis mysql pg sql ldap admin root ftp imap proxy key store require my ssl")
_OF_A_LOGIN = r"[a-z0-9][_.-]|[a-z]|[\"'&?;:\[{(]\s?|(?:user|login|uid|account|host|server|port|smtp|db)[^\n\0]{1,28}"
"""`pass` alone is also what a test does."""

_NOUNS = (
    _Noun("password", "pass", r"pass(?:[ _-]?(?:word|phrase|code)s?|wd|wrd|wort)", is_sure=True),
    _Noun("password", "pass", r"pass", is_sure=True, is_word=True, before=_OF_A_LOGIN),
    _Noun("password", "pass", r"pass", is_sure=True, follows=_LOGINS),
    _Noun("password", "pwd", r"pwds?", is_sure=True, is_word=True, never_follows=("old",)),
    _Noun("password", "pw", r"pw", is_sure=True, is_word=True, before=_OF_A_LOGIN),
    _Noun("password", "contra", r"contrase(?:n|\u00f1)a", is_sure=True),
    _Noun("password", "kennwort", r"kennwort", is_sure=True),
    _Noun("password", "passe", r"passe", is_sure=True, is_word=True, follows=("motde",)),
    _Noun("password", "senha", r"senha", is_sure=True, is_word=True),
    _Noun("password", "authentication", r"authentication[ _-]?string", is_sure=True),
    _Noun("secret", "secret", r"secret[ _-]?access[ _-]?key(?:[ _-]?id)?", is_sure=True),
    _Noun("secret", "secret", r"secret(?:[ _-]?(?:key(?:[ _-][a-z0-9_]{1,20})?|string|text|id|data|token))?s?"),
    _Noun("secret", "secret", r"secret", is_sure=True, follows=_SURE_SECRETS),
    _Noun("token", "token", r"tokens?(?:[ _-]?(?:secret|data|string))?", never_follows=_PAGES),
    _Noun("aws session token", "token", r"token", is_sure=True, follows=("awssession", "xamzsecurity")),
    _Noun("key", "key", r"keys?(?:[ _-]?(?:data|material|pem))?", follows=_KEYS),
    _Noun("key", "key", r"key(?:[ _-]?(?:data|material|pem))?", is_sure=True, follows=_SURE_KEYS),
    _Noun("key", "key", r"key", before=r"(?:crypt|cipher)[^\n\0]{1,24}"),
    _Noun("key", "key", r"key", never_follows=_LOOKUPS, needs_all=True),
    _Noun("key", "fernet", r"fernet(?:[ _-]?key)?", is_sure=True),
    _Noun("key", "encrypt", r"encrypt", is_word=True, needs_all=True),
    _Noun("secret", "value", r"value", before=r"secret[^\n\0]{1,24}", needs_all=True),
    _Noun("secret", "salt", r"salts?", needs_all=True),
    _Noun("pin", "pin", r"pin[ _-]?block", is_sure=True, is_word=True),
    _Noun("token", "crumb", r"crumb"),
    _Noun("token", "pat", r"pat", is_word=True, before=r"[a-z0-9][_-]"),
    _Noun("password", "securestring", r"securestring", is_sure=True),
    _Noun("key", "psk", r"psk", is_sure=True, is_word=True),
    _Noun("key", "mnemonic", r"mnemonic", is_sure=True),
    _Noun("key", "phrase", r"phrase", is_sure=True, follows=("seed", "recovery", "secret")),
    _Noun("key", "recovery", r"recovery[ _-]codes?", is_sure=True),
    _Noun("card code", "cv", r"cv[vc]2?", is_sure=True, is_word=True),
    _Noun("credentials", "cred", r"cred(?:ential)?s?", is_word=True),
    _Noun("authorization", "auth", r"auth(?:orization|[ _-]?string)?", is_word=True),
    _Noun("session", "sess", r"sess(?:ion)?(?:[ _-]?(?:id|token|cookie))?", is_word=True),
    _Noun(
        "session", "sess", r"sess(?:ion)?(?:[ _-]?id|[ _-]?(?:token|cookie))?", follows=("php", "j", "aspnet", "asp")
    ),
    _Noun("session", "sid", r"sid", is_word=True, before=r"connect\.|[^a-z_.-]|^"),
    _Noun("session", "remember", r"remember[ _-]?me"),
    _Noun("token", "csrf", r"csrf|xsrf", is_word=True),
    _Noun("token", "xsrf", r"xsrf"),
    _Noun("token", "jwt", r"jwt", is_word=True),
    _Noun("token", "bearer", r"bearer", is_word=True),
    _Noun("token", "assertion", r"assertion", follows=("client", "saml", "jwt")),
    _Noun("token", "saml", r"saml[ _-]?(?:response|request|token)"),
    _Noun(
        "authorization code",
        "code",
        r"code",
        follows=("auth", "authorization", "authorisation", "device", "grant", "access"),
    ),
    _Noun("authorization code", "verifier", r"verifier", follows=("code", "pkce", "oauth")),
    _Noun("one-time code", "otp", r"otp", is_word=True),
    _Noun("signature", "hmac", r"hmac", is_word=True),
    _Noun("webhook", "webhook", r"webhook(?:[ _-]?ur[il])?"),
)
HINTS = frozenset(noun.hint for noun in _NOUNS)
"""Where none of these occurs in lower case, no such name occurs."""

_REACH = 32
_FIELD_CHARS = 64


def names(text: Text, hints: Set[str] = HINTS) -> list[SecretName]:
    """
    Return every name of a secret, by its place; where two end at one place, the one that is surer.

    `hints` has those that a word of the text holds in lower case.
    """
    by_end: dict[int, SecretName] = {}
    places_of = {hint: places(hint, text.lower) for hint in hints & HINTS}
    if not places_of:
        return []
    for noun in (noun for noun in _NOUNS if noun.hint in places_of):
        for name in _of(noun, text, places_of[noun.hint]):
            other = by_end.get(name.end)
            if other is None or _rank(name) > _rank(other):
                by_end[name.end] = name
    return [by_end[end] for end in sorted(by_end)]


def _rank(name: SecretName) -> tuple[bool, bool, int]:
    return name.is_sure, not name.needs_all, -name.start


def whole_name(name: str) -> SecretName | None:
    """Return what a field of this name holds, or None when it is not the name of a secret."""
    plain = name.rstrip("\"'`]:= ")
    return _whole_name_once(plain) if len(plain) <= _FIELD_CHARS else _whole_name(plain)


def _whole_name(plain: str) -> SecretName | None:
    return next((one for one in names(Text(plain)) if one.end == len(plain)), None)


# The same few hundred fields stand in everything that a step reads and writes.
_whole_name_once = lru_cache(1_024)(_whole_name)


def _of(noun: _Noun, text: Text, places: Sequence[int]) -> Iterator[SecretName]:
    end = 0
    for start in places:
        match = noun.pattern.match(text.lower, start) if start >= end else None
        if match is None:
            continue
        end = match.end()
        if noun.is_word and not _starts_word(text.text, start):
            continue
        if not noun.may_follow(text.lower[max(0, start - _REACH) : start]):
            continue
        yield SecretName(start, end, noun.kind, noun.is_sure, noun.needs_all)


def _starts_word(text: str, start: int) -> bool:
    """Whether a word starts here: after no letter, or with a capital after a small one."""
    before = text[start - 1 : start]
    return not before.isalpha() or (text[start].isupper() and before.islower())
