"""The shapes of secrets that are known by their own looks.

Each pattern starts with letters of its own or behind a look-behind that keeps it from starting inside a run it has
tried before, and repeats possessively or up to a bound: so no text makes it slow.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from shared.redaction import checks


@dataclass(frozen=True)
class Rule:
    """One kind of secret: its `pattern` has a group `secret`; it is tried where one of `hints` (lower case) occurs."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    is_secret: Callable[[str], bool] | None = None


def _token(kind: str, shape: str, *hints: str) -> Rule:
    """A token that stands alone and starts with letters of its own."""
    return Rule(kind, hints, re.compile(rf"(?<![A-Za-z0-9_-])(?P<secret>{shape})(?![A-Za-z0-9])"))


def _after(kind: str, shape: str, *hints: str, is_secret: Callable[[str], bool] | None = None) -> Rule:
    """A secret known by what stands before it, in any case."""
    return Rule(kind, hints, re.compile(shape, re.IGNORECASE), is_secret)


_KEY_BODY = r"(?:[^-]|-(?!----)){0,20000}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_CUT_OFF_BODY = r"(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{16,}+)*+"
_PRIVATE_KEY = rf"-----BEGIN [A-Z0-9 ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----(?:{_KEY_BODY}|{_CUT_OFF_BODY})"
_PAIR = r"""[^\s=;,"'\\\[\]]++=(?!\[cut)[^\s;,"'\\]*+"""
_SEP = r"""(?:\\{0,3}["'])?\s{0,3}(?:=>|[:=])\s{0,3}(?:\\{0,3}["'])?"""
_WORD = r"[A-Za-z0-9_-]"

RULES: tuple[Rule, ...] = (
    Rule("private key", ("private key",), re.compile(f"(?P<secret>{_PRIVATE_KEY})")),
    Rule(
        "private key", ("putty-user-key",), re.compile(r"(?P<secret>Private-Lines: \d+(?:\s++[A-Za-z0-9+/=]{16,}+)++)")
    ),
    _token("age key", r"AGE-SECRET-KEY-1[A-Z0-9]{58}", "age-secret-key"),
    _token("ssh key", r"(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp\d{3}) AAAA[A-Za-z0-9+/]{32,}+={0,2}", " aaaa"),
    _token(
        "aws access key",
        r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z2-7]{16}",
        "akia",
        "asia",
        "abia",
        "acca",
        "aroa",
        "aida",
    ),
    _token("google api key", r"AIza[A-Za-z0-9_-]{35}|AQ\.Ab[A-Za-z0-9_-]{30,}+", "aiza", "aq.ab"),
    _token(
        "google oauth token",
        r"ya29\.[A-Za-z0-9_.-]{20,}+|GOCSPX-[A-Za-z0-9_-]{20,}+|1//0[A-Za-z0-9_-]{30,}+",
        "ya29.",
        "gocspx-",
        "1//0",
    ),
    _token("azure client secret", r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}", "q~"),
    _token(
        "github token",
        r"gh[pousr]_[A-Za-z0-9]{30,}+|github_pat_[A-Za-z0-9_]{30,}+",
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
    ),
    _token(
        "gitlab token",
        r"gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent|oas)-[A-Za-z0-9_.-]{20,}+|GR1348941[A-Za-z0-9_-]{20}",
        "glpat-",
        "gldt-",
        "glrt-",
        "glptt-",
        "glcbt-",
        "glft-",
        "glsoat-",
        "glimt-",
        "glagent-",
        "gloas-",
        "gr1348941",
    ),
    _token("slack token", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}+|xapp-\d-[A-Za-z0-9-]{10,}+", "xox", "xapp-"),
    _after(
        "webhook",
        r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks|webhook\.office\.com/webhookb2)/(?P<secret>[A-Za-z0-9_/@-]{8,}+)",
        "hooks.slack.com",
        "/api/webhooks",
        "webhook.office.com",
    ),
    _token(
        "stripe key",
        r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}+|whsec_[A-Za-z0-9+/=]{20,}+",
        "sk_live_",
        "sk_test_",
        "rk_live_",
        "rk_test_",
        "pk_live_",
        "pk_test_",
        "whsec_",
    ),
    _token("twilio key", r"SK[0-9a-f]{32}", "sk"),
    _token("sendgrid key", r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+", "sg."),
    _token("npm token", r"npm_[A-Za-z0-9]{30,}+", "npm_"),
    _token("pypi token", r"pypi-AgE[A-Za-z0-9_-]{30,}+", "pypi-age"),
    _token("anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}+", "sk-ant-"),
    _token("openai key", r"sk-(?:proj-|svcacct-|admin-|or-v1-)?(?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_-]{20,}+", "sk-"),
    _token(
        "model key",
        r"(?:hf|gsk|r8)_[A-Za-z0-9]{30,}+|(?:xai|pplx)-[A-Za-z0-9]{30,}+",
        "hf_",
        "gsk_",
        "r8_",
        "xai-",
        "pplx-",
    ),
    _token(
        "grafana token",
        r"glsa_[A-Za-z0-9]{20,}+(?:_[A-Fa-f0-9]{8})?|glc_[A-Za-z0-9+/=]{30,}+|eyJrIjoi[A-Za-z0-9_=-]{20,}+",
        "glsa_",
        "glc_",
        "eyjrijoi",
    ),
    _token(
        "observability key",
        r"NRAK-[A-Z0-9]{20,}+|NRJS-[a-f0-9]{19}|sntry[su]_[A-Za-z0-9+/=_-]{30,}+|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|dd(?:api|app|p)_[A-Za-z0-9]{32,}+",
        "nrak-",
        "nrjs-",
        "sntry",
        "pmak-",
        "ddapi_",
        "ddapp_",
        "ddp_",
    ),
    _token("vault token", r"hv[sbr]\.[A-Za-z0-9_-]{24,}+", "hvs.", "hvb.", "hvr."),
    _token(
        "platform token",
        r"do[opr]_v1_[a-f0-9]{60,}+|HRKU-[A-Za-z0-9_-]{30,}+|dckr_pat_[A-Za-z0-9_-]{20,}+|dapi[a-f0-9]{32}|dp\.(?:st|pt|ct|sa)\.[A-Za-z0-9._-]{30,}+|sbp_[a-f0-9]{40}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}+|ATATT3[A-Za-z0-9_=-]{50,}+|lin_api_[A-Za-z0-9]{30,}+|ntn_[A-Za-z0-9]{30,}+|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}+|key-[a-f0-9]{32}|[a-f0-9]{32}-us\d{1,2}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}+",
        "_v1_",
        "hrku-",
        "dckr_pat_",
        "dapi",
        "dp.",
        "sbp_",
        "pscale_",
        "atatt3",
        "lin_api_",
        "ntn_",
        "shp",
        "sq0",
        "key-",
        "-us",
        ".atlasv1.",
    ),
    _token("telegram token", r"\d{8,10}:AA[A-Za-z0-9_-]{33}", ":aa"),
    _token("jwt", r"eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]++){0,2}", "eyj"),
    _after(
        "signature",
        r"[?&;](?:sig|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|signature)=(?P<secret>(?!\[cut)[^&\s\"'<>\\]{8,}+)",
        "sig=",
        "x-amz-",
        "x-goog-",
        "signature=",
    ),
    _after(
        "authorization",
        rf"authorization{_SEP}(?:(?:bearer|basic|token|digest|negotiate|apikey|bot)\s{{1,3}})?(?P<secret>(?!\[cut|bearer|basic|header|required|missing|failed|null|none)(?:[A-Za-z0-9._~+/=:|-]{{6,}}+))",
        "authorization",
    ),
    _after(
        "authorization",
        r"(?:Digest username|AWS4-HMAC-SHA256 Credential)(?P<secret>=(?!\[cut)[^\r\n]{8,2000}+)",
        "digest username",
        "aws4-hmac",
    ),
    _after(
        "authorization",
        r"(?<![A-Za-z0-9_-])bearer\s{1,3}(?P<secret>[A-Za-z0-9._~+/-]{8,}+=*+)",
        "bearer ",
        is_secret=checks.looks_random,
    ),
    _after(
        "authorization",
        r"(?<![A-Za-z0-9_-])basic\s{1,3}(?P<secret>[A-Za-z0-9+/]{6,}+={0,2})",
        "basic ",
        is_secret=checks.is_basic_credentials,
    ),
    _after(
        "cookie",
        rf"(?<![A-Za-z])(?:set-)?cookies?{_SEP}(?P<secret>{_PAIR}(?:;\s{{0,2}}(?:{_PAIR}|(?:secure|httponly|partitioned)(?![A-Za-z0-9=])))*+)",
        "cookie",
    ),
    _after(
        "url password", r"(?<=://)[^\s/:@\"'<>]*+:(?P<secret>(?!\[cut)[^\s\"'<>/\\]{1,512})@(?=[A-Za-z0-9.\[(<])", "://"
    ),
    _after(
        "url password",
        r"(?<![\w:/.-])[\w.-]{1,64}+:(?P<secret>(?!\[cut)[^\s\"'<>/@\\]{1,256}+)@(?=(?:tcp|unix)\()",
        "@tcp(",
        "@unix(",
    ),
    _after(
        "url password",
        r"(?<=jdbc:oracle:thin:)[^\s/@\"']{1,64}+/(?P<secret>(?!\[cut)[^\s@\"']{1,256}+)@",
        "jdbc:oracle:thin:",
    ),
    _after("url token", r"(?<=://)(?P<secret>[a-f0-9]{32})@", "://"),
    _after(
        "password",
        r"(?:identified\s{1,3}by|with\s{1,3}password|set\s{1,3}password\s{0,3}=)\s{1,3}(?P<secret>'(?!\[cut)[^'\r\n]*+'?)",
        "identified",
        "password",
    ),
    _after(
        "password",
        r"(?<![\w-])--?[a-z-]{0,30}?(?:password|passwd|passphrase|token|secret|api-?key)\s{1,3}(?P<secret>(?!\[cut|-)[^\s\"']++)",
        "--",
        "-password",
        "-token",
    ),
    _after(
        "e-mail",
        r"(?<![\w.+%-])(?P<secret>[\w.+%-]{1,64}+@(?!\d+\.\d)(?:[A-Za-z0-9-]{1,63}+\.){1,8}(?<=\.)[A-Za-z]{2,24}+)(?![\w-])",
        "@",
    ),
    Rule(
        "card number",
        tuple("23456"),
        re.compile(
            r"(?<![\w.+:-])(?P<secret>\d{14,16}|\d{4}([ -])\d{4}\2\d{4}\2\d{4}|\d{4}([ -])\d{6}\3\d{4,5})(?![\w-]|\.\d)"
        ),
        checks.is_card,
    ),
    Rule(
        "iban",
        tuple("0123456789"),
        re.compile(
            r"(?<![A-Za-z0-9_-])(?P<secret>[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)(?![A-Za-z0-9_-])"
        ),
        checks.is_iban,
    ),
    Rule(
        "phone number",
        ("+",),
        re.compile(r"(?<![\w+.:-])(?P<secret>\+[1-9]\d{0,2}(?:[ -]?\(?\d{1,4}\)?){2,5})(?![\w.:])"),
        checks.is_phone,
    ),
)
"""In the order they are tried: what has a shape of its own before what is known by its neighbours."""
