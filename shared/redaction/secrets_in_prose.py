"""Secrets in sentences and in command lines: `the password is …`, `mysql -usvc -p…`, a line of a pgpass file."""

import re
from collections.abc import Iterator

from shared.redaction import checks
from shared.redaction.patterns import Pattern
from shared.redaction.rules import RedactionRule, Secret, Text, after
from shared.redaction.secret_names import SecretName

_WHOSE = r"(?:\s{1,3}(?:for|of)\s{1,3}(?:user\s{1,3})?[^\s\"'`]{1,64}+)?"
_IS = (
    rf"{_WHOSE}\s{{1,3}}(?P<is>is|es|ist|lautet|was|are|were|(?:(?:re)?set|changed|updated|equals)\s(?:to|as)|equals)"
    r"(?:\s{0,3}[:=])?(?:\s(?:now|still))?\s{1,3}"
)
_OPEN = r"""["'`\u2018\u201c]"""
_QUOTED = rf"""{_OPEN}(?P<quoted>[^"'`\u2019\u201d\r\n\0]{{4,1000}}+)(?=["'`\u2019\u201d])"""
_BARE = r"""(?P<bare>(?![\[(<{$%/~-])[^\s"'`<>\\\0]{5,1000}[^\s"'`<>\\\0,.;:)\]}!?])(?![^\s"'`<>\\\0,.;:)\]}!?]|\()"""
_STATED = Pattern(rf"(?:{_IS}|\s{{1,3}})(?:{_QUOTED}|{_BARE})", re.IGNORECASE)
_HEADED = Pattern(rf"\s(?:for|of)\s[^\n:\0]{{1,120}}:\s{{1,8}}{_BARE}", re.IGNORECASE)
# The line ends there, or what quotes it: the same line stands in code, JSON or a page.
_NAMED = Pattern(rf"\s{{1,3}}[A-Za-z][\w-]{{1,30}}\s{{1,3}}{_BARE}[^\S\n]*(?:$|[\n\0\"'`<\\])")
_OTHER = Pattern(
    rf"[\s\"'`,;]{{1,4}}(?:but\s)?(?:got|received|vs\.?|not|!=|and|instead\sof)\s{{1,3}}{_OPEN}?{_BARE}", re.IGNORECASE
)
_WORD = r"""(?:["'])?(?P<secret>(?![$%{<-])[^\s"'\\\0]{1,512}+)"""
_ARGUMENTS = r"[^\r\n|\0]{0,100}?\s"

_NEXT_WORD = Pattern(
    r"(?:to|is|are|was|were|for|and|or|the|a|an|in|on|of|as|at|by|with|from|if|option|options|flag|argument|value|via|must|can"
    r"|should|when|instead|not)",
    re.IGNORECASE,
)
_NUMBER = Pattern(r"[\d.,:/TZ+-]+(?:[a-z]{1,7}|[KMG]i?B)?|v\d[\w.+-]*|0x[0-9a-f]{1,8}", re.IGNORECASE)
_CODE = Pattern(r"[a-z_$][\w$]*(?:(?:\.|::|->|#)[a-z_$][\w$]*)+", re.IGNORECASE)
_PLACE = Pattern(r".*\.[a-z]{1,5}(?::\d+)*|[\w.+-]+[=:].*|[\w.-]*/.*", re.IGNORECASE | re.DOTALL)
_BASE64 = Pattern(r"[A-Za-z0-9+/]{30,}={0,2}")
_UUID = Pattern(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""An id of anything, but next to the name of a setting, which stands in capitals, its value."""
_NUMBERED = Pattern(
    r"[a-z]+[-_ #]\d{1,4}|(?:hmac-?)?(?:sha|md|aes|utf|base|rsa|ed|hs|rs|es|ps|x|pkcs|pbkdf|argon|oauth|http|ipv|s)"
    r"[-_]?\d{1,5}(?:[-_]?(?:id|mb\d|gcm|cbc|v\d))*",
    re.IGNORECASE,
)


def is_stated(text: str) -> bool:
    """Whether the word that a sentence calls a password can be one: six or more characters, letters and digits."""
    return len(text) >= 6 and checks.is_mixed(text) and not (_NUMBER.fullmatch(text) or _NUMBERED.fullmatch(text))


def is_next_to(text: str) -> bool:
    """Whether the word next to a secret's name can be one: as `is_stated`, and no code, path or field."""
    is_place = _CODE.fullmatch(text) or _PLACE.fullmatch(text)
    return is_stated(text) and (
        is_place is None or (_BASE64.fullmatch(text) is not None and checks.has_all_kinds(text))
    )


def is_next_to_common_name(text: str) -> bool:
    """Whether the word next to `token` or `secret`, which have other uses, can be one: no word, id or short hash."""
    has_cases = any(char.isupper() for char in text) and any(char.islower() for char in text)
    return is_next_to(text) and checks.looks_random(text) and (has_cases or (len(text) >= 20 and "-" not in text))


def is_argument(text: str) -> bool:
    """Whether the argument of an option is neither a placeholder nor the next word of a sentence."""
    return not checks.is_ordinary(text) and _NEXT_WORD.fullmatch(text) is None


def is_login(text: str) -> bool:
    """Whether what follows a command that logs in is a password, or base64 of a user and one."""
    return is_next_to(text) or checks.is_basic_credentials(text)


def is_no_number(text: str) -> bool:
    """Whether the text is not just numbers, as the port `8080:80` or the user `1000:1000` are."""
    return not re.fullmatch(r"[\d:./-]+", text)


def secrets(text: Text, found_names: list[SecretName]) -> Iterator[Secret]:
    """Yield what a sentence calls one of these names: `password for svc is …`, `token … refused`, `api key "…"`."""
    for name in found_names:
        match = _STATED.match(text.text, name.end)
        if (
            match
            and (group := match.lastgroup)
            and (
                _is_stated_secret(name, match[group], group, bool(match["is"]))
                or (text.text[name.start : name.end].isupper() and _UUID.fullmatch(match[group]))
            )
        ):
            yield Secret(*match.span(group), name.kind)
            other = _OTHER.match(text.text, match.end(group))
            if other and is_next_to_common_name(other["bare"]):
                yield Secret(*other.span("bare"), name.kind)
        for shape in (_HEADED, _NAMED) if name.is_sure else ():
            value = shape.match(text.text, name.end)
            if value and is_next_to(value["bare"]) and (shape is _HEADED or checks.looks_random(value["bare"])):
                yield Secret(*value.span("bare"), name.kind)


def _is_stated_secret(name: SecretName, value: str, group: str, is_stated_as_one: bool) -> bool:
    if checks.is_ordinary(value):
        return False
    if not name.is_sure:
        return is_next_to_common_name(value)
    return group == "quoted" or (is_stated(value) if is_stated_as_one else is_next_to(value))


CODES = (
    after(
        "one-time code",
        ("otp", "pin", "code"),
        r"(?<![a-z])(?:t?otp|pin|(?:verification|one[ _-]?time|2fa|mfa|sms|security|login)"
        r"[ _-]?(?:code|password|pin))(?:[ _-]?code)?"
        rf"(?:{_IS}|[\"'`]?\s{{0,3}}(?:=>|[:=])\s{{0,3}}|\s{{1,3}})(?:{_OPEN})?(?P<secret>\d{{4,8}})"
        r"(?![\w-]|[.:]\d|\sof\b)",
        starts=("otp", "totp", "pin", "verification", "one", "2fa", "mfa", "sms", "security", "login"),
    ),
)
PROTOCOLS = (
    RedactionRule(
        "password",
        ("auth",),
        r"AUTH(?<![A-Za-z_-]AUTH)\"?\s{1,3}(?:\"?(?:PLAIN|LOGIN|XOAUTH2|CRAM-MD5|default)\"?\s{1,3})?"
        r"\"?(?P<secret>[^\s\"\0]{6,512})",
        is_login,
    ),
    after(
        "password",
        ("login",),
        r"login\s\S{1,64}\s(?P<secret>[^\s\0]{4,256})",
        is_argument,
        before=r"(?<![a-z0-9])[a-z]{0,4}\d{1,6}\s",
    ),
    after("password", ("setuser",), r"acl\ssetuser\s[^\n\0>]{1,200}>(?P<secret>[^\s\0]{1,256})", is_argument),
)
COMMAND_LINES = (
    after(
        "password",
        ("\n--", "\n-pass", "\n-pwd", "\n-token", "\n-secret", "\n-key", "storepass", "keypass"),
        r"-(?<![\w-].)-?[a-z-]{0,30}?(?:password|passwd|passphrase|token|secret|api-?key|access-key|auth-?key|secret-key"
        r"|(?<=-)pass|(?<=-)pwd|(?:store|key|src|dest)pass)\s{1,3}(?:[\"'])?(?P<secret>(?!-|pass:)[^\s\"'\\\0]++)",
        is_argument,
    ),
    after(
        "password",
        ("mysql", "mariadb"),
        rf"m(?<![\w-]m)(?:ysql|ariadb)[\w-]{{0,20}}+{_ARGUMENTS}-p(?!ort\b|rotocol){_WORD}",
    ),
    after("password", ("\n-p",), rf"-u(?<!\S-u)\s?[^\s\"'-][^\s\"']{{0,63}}+\s{{1,3}}-p{_WORD}", is_no_number),
    after("password", ("\n-p",), rf"-u(?<!\S-u)\s?[^\s\"'-][^\s\"']{{0,63}}+\s{{1,3}}-p\s{{1,3}}{_WORD}", is_stated),
    after(
        "password",
        ("add_user", "change_password", "set_password", "adduser", "htpasswd"),
        rf"(?:add_user|change_password|set_password|adduser|htpasswd\s-[a-z]{{1,4}}\s\S{{1,200}})\s{{1,3}}[\w.@-]{{1,64}}\s{{1,3}}{_WORD}",
        is_stated,
    ),
    after("password", ("sshpass",), rf"sshpass\s{{1,3}}-p\s{{0,3}}{_WORD}"),
    after(
        "password",
        ("\n-p",),
        rf"(?<![\w-])(?:mongo[a-z]{{0,10}}+|(?:docker|podman|nerdctl|az|oc)\s{{1,3}}login|sqlcmd|unzip|zip|7z)"
        rf"{_ARGUMENTS}-p\s{{0,3}}{_WORD}",
        is_no_number,
    ),
    after("password", ("redis-cli",), rf"redis-cli(?=\s){_ARGUMENTS}(?:-a|--pass)\s{{1,3}}{_WORD}"),
    after("password", ("ldap",), rf"ldap[a-z]{{3,10}}+{_ARGUMENTS}-w\s{{0,3}}{_WORD}"),
    after("password", ("\n-pass",), rf"\s-pass(?:in|out)?\s{{1,3}}pass:{_WORD}"),
    after(
        "password",
        ("curl",),
        rf"curl(?<![\w-]curl)(?=\s){_ARGUMENTS}(?:-u|--(?:proxy-)?user)[\s=]{{0,3}}(?:{_OPEN})?[^\s:\"']{{1,64}}+:{_WORD}",
        is_no_number,
    ),
    after("password", ("\n-u", "-user"), rf"-(?<!\S-)(?:u|-(?:proxy-)?user)[\s=][\w.@%+-]{{1,64}}+:{_WORD}", is_stated),
)
_PGPASS_REST = r":[a-z_*][\w.*-]{0,62}+:[a-z_*][\w.@*-]{0,62}+:(?P<secret>(?:[^\s:\"'\\]|\\[:\\]){1,256}+)"
FILES = (
    after(
        "password",
        ("machine", "login"),
        r"(?<!\S)(?:machine\s{1,3}\S{1,255}\s{1,8})?login\s{1,3}\S{1,128}\s{1,8}password\s{1,3}(?P<secret>[^\s\0]{1,256})",
        is_argument,
        starts=("machine", "login"),
    ),
    after(
        "password",
        (":_authtoken", ":_password", ":_auth"),
        r":_(?:authtoken|password|auth)\s{0,3}[=\s]\s{0,3}[\"']?(?P<secret>[^\s\"'\0]{4,1000})",
        is_argument,
    ),
    after("password", (":5432:", ":6432:", ":*:"), rf":(?<=[\w*\]]:)(?:[56]432|\*){_PGPASS_REST}(?![:\w])"),
    after("password", (":",), rf":(?<=[\w*\]]:)\d{{3,5}}{_PGPASS_REST}(?![:\w])", is_stated),
)
IN_PROSE = (*CODES, *PROTOCOLS, *COMMAND_LINES, *FILES)
