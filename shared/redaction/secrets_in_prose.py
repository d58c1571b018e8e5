"""Secrets in sentences and in command lines: `the password is …`, `mysql -usvc -p…`, a line of a pgpass file."""

import re

from shared.redaction import checks, secrets_by_key
from shared.redaction.rules import after

_STRONG = (
    r"(?:passwords?|pass[ _-]?(?:phrase|code)|passwd|(?<![a-z])pwd|(?:client|app|consumer)[ _-]?secret"
    r"|api[ _-]?(?:key|token|secret)|(?:access|secret|account)[ _-]?key)"
)
_WEAK = r"(?:credentials?|(?<![a-z])creds|token|secret)"
_WHOSE = r"(?:\s{1,3}(?:for|of)\s{1,3}(?:user\s{1,3})?[^\s\"'`]{1,64}+)?"
_IS = rf"{_WHOSE}\s{{1,3}}(?:is|was|are|were|(?:(?:re)?set|changed)\sto)(?:\s{{0,3}}[:=])?\s{{1,3}}"
_GAP = r"\s{1,3}"
_OPEN = r"""\\{0,3}["'`]"""
_BARE = r"""(?P<secret>(?![\[(<{$%/~-])[^\s"'`<>\\]{5,1000}[^\s"'`<>\\,.;:)\]}!?])(?![^\s"'`<>\\,.;:)\]}!?]|\()"""
_QUOTED = rf"""{_OPEN}(?P<secret>[^\s"'`\\]{{4,1000}}+)(?=\\{{0,3}}["'`])"""
_SENTENCE = rf"""{_OPEN}(?P<secret>[^"'`\\\r\n]{{4,1000}}+)(?=\\{{0,3}}["'`])"""
_WORD = r"""(?:\\{0,3}["'])?(?P<secret>(?!\[cut|[$%{<-])[^\s"'\\]{1,512}+)"""
_ARGUMENTS = r"[^\r\n|]{0,100}?\s"

_NUMBER = re.compile(r"[\d.,:/TZ+-]+(?:[a-z]{1,7}|[KMG]i?B)?|v\d[\w.+-]*|0x[0-9a-f]{1,8}", re.IGNORECASE)
_CODE = re.compile(r"[a-z_$][\w$]*(?:(?:\.|::|->|#)[a-z_$][\w$]*)+", re.IGNORECASE)
_PLACE = re.compile(r".*\.[a-z]{1,5}(?::\d+)*|[\w.+-]+[=:].*|[\w.-]*/.*", re.IGNORECASE | re.DOTALL)
_NUMBERED = re.compile(
    r"[a-z]+[-_ #]\d{1,4}|(?:hmac-?)?(?:sha|md|aes|utf|base|rsa|ed|hs|rs|es|ps|x|pkcs|pbkdf|argon|oauth|http|ipv|s)"
    r"[-_]?\d{1,5}(?:[-_]?(?:id|mb\d|gcm|cbc|v\d))*",
    re.IGNORECASE,
)


def is_stated(text: str) -> bool:
    """Whether the word that a sentence calls a password can be one: six or more characters, letters and digits."""
    return len(text) >= 6 and _is_mixed(text) and not (_NUMBER.fullmatch(text) or _NUMBERED.fullmatch(text))


def is_next_to(text: str) -> bool:
    """Whether the word next to a secret's name can be one: as `is_stated`, and no code, path or field."""
    return is_stated(text) and not (_CODE.fullmatch(text) or _PLACE.fullmatch(text))


def is_next_to_common_name(text: str) -> bool:
    """Whether the word next to `token` or `secret`, which have other uses, can be one: no word, id or short hash."""
    has_cases = any(char.isupper() for char in text) and any(char.islower() for char in text)
    return is_next_to(text) and checks.looks_random(text) and (has_cases or (len(text) >= 20 and "-" not in text))


def is_quoted(text: str) -> bool:
    """Whether a quoted text after a password's name is not a placeholder."""
    return not secrets_by_key.is_ordinary(text)


def is_no_number(text: str) -> bool:
    """Whether the text is not just numbers, as the port `8080:80` or the user `1000:1000` are."""
    return not re.fullmatch(r"[\d:./-]+", text)


def _is_mixed(text: str) -> bool:
    return any(char.isdigit() for char in text) and any(char.isalpha() for char in text)


_STRONG_HINTS = ("pass", "pwd", "secret", "key", "api")
_WEAK_HINTS = ("cred", "token", "secret")

SENTENCES = (
    after("password", ("phrase",), rf"pass[ _-]?phrase(?:{_IS}|{_GAP}){_SENTENCE}", is_quoted),
    after("secret", _STRONG_HINTS, rf"{_STRONG}(?:{_IS}|{_GAP}){_QUOTED}", is_quoted),
    after("secret", _STRONG_HINTS, rf"{_STRONG}{_IS}{_BARE}", is_stated),
    after("secret", _STRONG_HINTS, rf"{_STRONG}{_GAP}{_BARE}", is_next_to),
    after("secret", _WEAK_HINTS, rf"{_WEAK}(?:{_IS}|{_GAP})(?:{_OPEN})?{_BARE}", is_next_to_common_name),
    after(
        "one-time code",
        ("otp", "pin", "code"),
        r"(?<![a-z])(?:t?otp|pin|(?:verification|one[ _-]?time|2fa|mfa|sms)[ _-]?(?:code|password))(?:[ _-]?code)?"
        rf"(?:{_IS}|(?:{_OPEN})?\s{{0,3}}[:=]\s{{0,3}}|{_GAP})(?:{_OPEN})?(?P<secret>\d{{4,8}})"
        r"(?![\w-]|[.:]\d|\sof\b)",
    ),
)
COMMAND_LINES = (
    after("password", (" -p",), rf"(?<![\w-])(?:mysql|mariadb)[\w-]{{0,20}}+{_ARGUMENTS}-p(?!ort\b|rotocol){_WORD}"),
    after("password", (" -p",), rf"(?<!\S)-u\s?[^\s\"'-][^\s\"']{{0,63}}+\s{{1,3}}-p{_WORD}", is_no_number),
    after("password", ("sshpass",), rf"sshpass\s{{1,3}}-p\s{{0,3}}{_WORD}"),
    after(
        "password",
        (" -p",),
        rf"(?<![\w-])(?:mongo[a-z]{{0,10}}+|(?:docker|podman|nerdctl|az|oc)\s{{1,3}}login|sqlcmd|unzip|zip|7z)"
        rf"{_ARGUMENTS}-p\s{{0,3}}{_WORD}",
        is_no_number,
    ),
    after("password", ("redis-cli",), rf"redis-cli(?=\s){_ARGUMENTS}(?:-a|--pass)\s{{1,3}}{_WORD}"),
    after("password", ("ldap",), rf"ldap[a-z]{{3,10}}+{_ARGUMENTS}-w\s{{0,3}}{_WORD}"),
    after("password", ("-pass",), rf"\s-pass(?:in|out)?\s{{1,3}}pass:{_WORD}"),
    after(
        "password",
        ("curl",),
        rf"(?<![\w-])curl(?=\s){_ARGUMENTS}(?:-u|--(?:proxy-)?user)[\s=]{{0,3}}(?:{_OPEN})?[^\s:\"']{{1,64}}+:{_WORD}",
        is_no_number,
    ),
    after("password", (" -u", "-user"), rf"(?<!\S)(?:-u|--(?:proxy-)?user)[\s=][\w.@%+-]{{1,64}}+:{_WORD}", is_stated),
)
_PGPASS_REST = r":[a-z_*][\w.*-]{0,62}+:[a-z_*][\w.@*-]{0,62}+:(?P<secret>(?!\[cut)(?:[^\s:\"'\\]|\\[:\\]){1,256}+)"
FILES = (
    after("password", (":5432:", ":6432:", ":*:"), rf"(?<=[\w*\]]):(?:[56]432|\*){_PGPASS_REST}(?![:\w])"),
    after("password", (":",), rf":(?<=[\w*\]]:)\d{{3,5}}{_PGPASS_REST}(?![:\w])", is_stated),
)
IN_PROSE = (*SENTENCES, *COMMAND_LINES, *FILES)
