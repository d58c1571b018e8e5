"""Masks hosts, addresses and user ids so that a model can distinguish them and never sees them."""

import hashlib
import ipaddress
import re
from collections.abc import Callable

from shared.redaction.patterns import Pattern
from shared.redaction.redact import redact, redact_json
from shared.redaction.rules import without_placeholders

_MASK = Pattern(r"<(?:host|ip|user|text)-\d{6}>")
_LOCAL_ADDRESSES = {"127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::"}  # noqa: S104  # recognised, never bound
_ENDINGS = r"internal|local|localdomain|lan|corp|intra|intranet|svc|com|net|org|io"
_WEAK_ENDINGS = r"dev|cloud|app|ai|co|eu|de|fr|uk|us|nl|ch|at|se|fi|dk|pl|jp|br|au|ca|biz|gov|edu"
"""`celery.app` is a module and `eu.api.acme.app` a host: these end a host of three or more parts."""
_PUBLIC = {
    *("github.com", "gitlab.com", "bitbucket.org", "golang.org", "google.golang.org", "go.uber.org", "gopkg.in"),
    *("k8s.io", "sigs.k8s.io", "go.opentelemetry.io", "docs.python.org", "www.w3.org", "schemas.microsoft.com"),
    *("java.io", "java.net", "javax.net", "sun.net", "system.io", "system.net", "asp.net", "socket.io", "localhost"),
}
"""Names that identify no user or company: hosts of public code, and code that looks like a host."""

_NAMED = r"""(?:\\{{0,3}}["'])?\s{{0,2}}[:=]\s{{0,2}}(?:\\{{0,3}}["'])?(?P<{name}>[^\s"'\\,;&<>()\[\]{{}}]{{1,128}}+)"""
_HOST_NAMES = (
    r"host|hostname|host_name|server_name|node_name|nodename|node|instance|peer|upstream|remote_host|pod|pod_name"
)
_USER_NAMES = (
    r"user|user_?id|user_?name|uid|login|account_?id|customer_?id|member_?id|client_?id|tenant_?id|session_?id"
    r"|principal"
)
_IPV4 = r"(?<![\w.])(?P<ipv4>\d{1,3}(?:\.\d{1,3}){3})(?![\w]|\.\d)"
_IPV6 = r"(?<![\w:.])(?P<ipv6>(?:[0-9a-fA-F]{1,4}:|:){2,7}(?:[0-9a-fA-F]{1,4}|:))(?![\w:])"
_URL_HOST = (
    r"(?<=://)(?:[^\s/@\"'<>\\]{1,300}@)?(?P<url_host>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?)(?![\w@])"
)
_LABEL = r"[a-z0-9][a-z0-9-]{0,62}\."
_HOST = (
    rf"(?<![\w.@/$-])(?P<host>(?:{_LABEL}){{1,8}}(?:{_ENDINGS})(?![\w(-]|\.[\w$])"
    rf"|(?:{_LABEL}){{2,8}}(?:{_WEAK_ENDINGS})(?![\w(-]|\.[\w$]))"
)
_QUOTED_USER = r"(?<=for user )[\"'](?P<quoted_user>[^\"'\s]{1,128})[\"']|(?<=^user )\"(?P<first_user>[^\"\s]{1,128})\""
_NAMES_OF_OTHERS = "|".join(
    [
        _URL_HOST,
        rf"(?i:{_USER_NAMES}){_NAMED.format(name='user')}",
        rf"(?i:{_HOST_NAMES}){_NAMED.format(name='named_host')}",
        _QUOTED_USER,
        _IPV4,
        _IPV6,
        _HOST,
    ]
)
_IDENTIFIERS = Pattern(rf"(?P<masked>{_MASK.shape})|(?<![A-Za-z])(?![\s/@<>\\])(?:{_NAMES_OF_OTHERS})")
"""None but a mask starts behind a letter or with a blank: at most characters all others are ruled out at once."""
_KINDS = {
    **dict.fromkeys(("ipv4", "ipv6"), "ip"),
    **dict.fromkeys(("url_host", "named_host", "host"), "host"),
    **dict.fromkeys(("user", "quoted_user", "first_user"), "user"),
    "masked": "text",
}
_USER_FIELD = Pattern(rf"(?i:{_USER_NAMES})")
_HOST_FIELD = Pattern(rf"(?i:{_HOST_NAMES})")
_PLAIN_WORDS = Pattern(r"(?i:null|none|nil|true|false|undefined|unknown|anonymous|not|is|was|with|has|for|the|and)")


class Redactor:
    """
    Hides names that a model must not see, and restores them in its answer.

    A name's mask depends only on the incident and the name, so every agent of one incident sees the same `<host-…>`,
    whatever it reads first. Hide JSON by value (`hide_json`), never its dumped text: there, `\\n` ends in a letter.
    """

    def __init__(self, incident_id: str) -> None:
        self._incident_id = incident_id
        self._mask_of: dict[tuple[str, str], str] = {}
        self._name_of: dict[str, str] = {}

    def hide(self, text: str) -> str:
        """Return `text` with secrets redacted for good, and hosts, addresses and user ids masked."""
        return self._masked(redact(text))

    def reveal(self, text: str) -> str:
        """Return `text` with the real names in place of this redactor's masks; other masks stay."""
        return _MASK.sub(lambda mask: self._name_of.get(mask[0], mask[0]), text)

    def hide_json(self, value: object) -> object:
        """Return a JSON value with its texts hidden; a text under a name like `user_id` or `host` is masked whole."""
        return self._hidden(redact_json(value))

    def reveal_json(self, value: object) -> object:
        """Return a JSON value with the real names in each of its texts."""
        return _each_text(value, self.reveal)

    def _hidden(self, value: object) -> object:
        if isinstance(value, dict):
            return {_each_text(key, self._masked): self._field(str(key), item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._hidden(item) for item in value]
        return self._masked(value) if isinstance(value, str) else value

    def _field(self, name: str, value: object) -> object:
        if isinstance(value, str) and not _MASK.fullmatch(value) and without_placeholders(value):
            if _USER_FIELD.fullmatch(name):
                return self._mask("user", value)
            if _HOST_FIELD.fullmatch(name) and not re.search(r"\s", value):
                return self._mask("host", value)
        return self._hidden(value)

    def _masked(self, text: str) -> str:
        return _IDENTIFIERS.sub(self._replaced, text)

    def _replaced(self, match: re.Match[str]) -> str:
        group = match.lastgroup or "masked"
        name = match[group]
        if (group == "masked" and name in self._name_of) or not _identifies(group, name):
            return match[0]
        start, end = match.start(group) - match.start(), match.end(group) - match.start()
        return match[0][:start] + self._mask(_KINDS[group], name) + match[0][end:]

    def _mask(self, kind: str, name: str) -> str:
        if existing := self._mask_of.get((kind, name)):
            return existing
        number = int.from_bytes(hashlib.sha256(f"{self._incident_id}\0{kind}\0{name}".encode()).digest()[:8])
        mask = f"<{kind}-{number % 1_000_000:06}>"
        while mask in self._name_of:
            number += 1
            mask = f"<{kind}-{number % 1_000_000:06}>"
        self._mask_of[kind, name], self._name_of[mask] = mask, name
        return mask


def _identifies(group: str, name: str) -> bool:
    """Whether the name identifies a user or company: a valid address, a host that is not public."""
    if group in ("ipv4", "ipv6"):
        # `Abc::Def` is a name in C++ and Ruby before it is an address.
        return name not in _LOCAL_ADDRESSES and any(char.isdigit() for char in name) and _is_address(name)
    if group == "user" and _PLAIN_WORDS.fullmatch(name):
        return False
    if group == "named_host" and name.isidentifier():
        # `node = next` is code, and a name of one plain word identifies nothing.
        return False
    return name.lower() not in _PUBLIC and name not in _LOCAL_ADDRESSES and "[cut" not in name


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _each_text(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_each_text(key, change): _each_text(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_text(item, change) for item in value]
    return value
