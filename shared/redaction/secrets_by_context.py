"""Secrets known by the text before them, and personal numbers known by their check digits."""

from shared.redaction import checks
from shared.redaction.rules import RedactionRule, after

_IS = r"""(?:\\{0,3}["'])?\s{0,3}(?:=>|[:=])\s{0,3}(?:\\{0,3}["'])?"""
_PAIR = r"""[^\s=;,"'\\\[\]]++=(?!\[cut)[^\s;,"'\\]*+"""
_FLAG = r"(?:secure|httponly|partitioned)(?![A-Za-z0-9=])"
_SCHEME = r"(?:(?:bearer|basic|token|digest|negotiate|apikey|bot)\s{1,3})?"
_NO_CREDENTIALS = r"(?!\[cut|bearer|basic|header|required|missing|failed|null|none)"

HEADERS = (
    after(
        "authorization",
        ("authorization",),
        rf"authorization{_IS}{_SCHEME}(?P<secret>{_NO_CREDENTIALS}(?:[A-Za-z0-9._~+/=:|-]{{6,}}+))",
    ),
    after(
        "authorization",
        ("digest username", "aws4-hmac"),
        r"(?:Digest username|AWS4-HMAC-SHA256 Credential)(?P<secret>=(?!\[cut)[^\r\n]{8,2000}+)",
    ),
    after(
        "authorization",
        ("bearer ",),
        r"(?<![A-Za-z0-9_-])bearer\s{1,3}(?P<secret>[A-Za-z0-9._~+/-]{8,}+=*+)",
        checks.looks_random,
    ),
    after(
        "authorization",
        ("basic ",),
        r"(?<![A-Za-z0-9_-])basic\s{1,3}(?P<secret>[A-Za-z0-9+/]{6,}+={0,2})",
        checks.is_basic_credentials,
    ),
    after(
        "cookie",
        ("cookie",),
        rf"(?<![A-Za-z])(?:set-)?cookies?{_IS}(?P<secret>{_PAIR}(?:;\s{{0,2}}(?:{_PAIR}|{_FLAG}))*+)",
    ),
)
ADDRESSES = (
    after(
        "webhook",
        ("hooks.slack.com", "/api/webhooks", "webhook.office.com"),
        r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks|"
        r"webhook\.office\.com/webhookb2)/(?P<secret>[A-Za-z0-9_/@-]{8,}+)",
    ),
    after(
        "signature",
        ("sig=", "x-amz-", "x-goog-", "signature="),
        r"[?&;](?:sig|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|signature)="
        r"(?P<secret>(?!\[cut)[^&\s\"'<>\\]{8,}+)",
    ),
    after(
        "url password",
        ("://",),
        r"(?<=://)[^\s/:@\"'<>]*+:(?P<secret>(?!\[cut)[^\s\"'<>/\\]{1,512})@(?=[A-Za-z0-9.\[(<])",
    ),
    after(
        "url password",
        ("@tcp(", "@unix("),
        r"(?<![\w:/.-])[\w.-]{1,64}+:(?P<secret>(?!\[cut)[^\s\"'<>/@\\]{1,256}+)@(?=(?:tcp|unix)\()",
    ),
    after(
        "url password",
        ("jdbc:oracle:thin:",),
        r"(?<=jdbc:oracle:thin:)[^\s/@\"']{1,64}+/(?P<secret>(?!\[cut)[^\s@\"']{1,256}+)@",
    ),
    # Between fields of a log, or after a `&` that JSON or a URL has escaped.
    after(
        "signature",
        ("x-amz-", "x-goog-"),
        r"x-(?:amz|goog)-(?:signature|credential|security-token)=(?P<secret>(?!\[cut)[^&\s\"'<>\\]{6,}+)",
    ),
    after(
        "signature",
        ("sig=", "signature="),
        r"(?:(?<![\w.-])|(?<=u0026)|(?<=%26))sig(?:nature)?=(?P<secret>(?!\[cut)[^&\s\"'<>\\]{8,}+)",
        checks.looks_random,
    ),
    after("telegram token", ("bot",), r"(?<![\w-])bot(?P<secret>\d{6,12}:(?:AA[\w-]{4,}+|[\w-]{20,}+))"),
    after("url token", ("://",), r"(?<=://)(?P<secret>[a-f0-9]{32})@"),
)
COMMANDS = (
    after(
        "password",
        ("identified", "with password", "set password"),
        r"(?:identified\s{1,3}by|with\s{1,3}password|set\s{1,3}password\s{0,3}=)\s{1,3}"
        r"(?P<secret>'(?!\[cut)[^'\r\n]*+'?)",
    ),
    after(
        "password",
        ("--", "-pass", "-pwd", "-token"),
        r"(?<![\w-])--?[a-z-]{0,30}?(?:password|passwd|passphrase|token|secret|api-?key|(?<=-)pass|(?<=-)pwd)\s{1,3}"
        r"(?:\\{0,3}[\"'])?(?P<secret>(?!\[cut|-|pass:)[^\s\"'\\]++)",
    ),
)
PEOPLE = (
    after(
        "e-mail",
        ("@",),
        r"(?<![\w.+%-])(?P<secret>[\w.+%-]{1,64}+@(?!\d+\.\d)(?:[A-Za-z0-9-]{1,63}+\.){1,8}(?<=\.)[A-Za-z]{2,24}+)"
        r"(?![\w-])",
    ),
    # The look-behind comes second, so that the search can skip to the next digit.
    RedactionRule(
        "card number",
        tuple("23456"),
        (
            r"(?P<secret>\d(?<![\w.+:-]\d)(?:\d{13,15}|\d{3}(?:([ -])\d{4}\2\d{4}\2\d{4}|([ -])\d{6}\3\d{4,5})))"
            r"(?![\w-]|\.\d)"
        ),
        checks.is_card,
    ),
    RedactionRule(
        "iban",
        tuple("0123456789"),
        (
            r"(?P<secret>[A-Z](?<![A-Za-z0-9_-][A-Z])[A-Z]\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)"
            r"(?![A-Za-z0-9_-])"
        ),
        checks.is_iban,
    ),
    RedactionRule(
        "phone number",
        ("+",),
        r"(?<![\w+.:-])(?P<secret>\+[1-9]\d{0,2}(?:[ -]?\(?\d{1,4}\)?){2,5})(?![\w.:])",
        checks.is_phone,
    ),
)
CONTEXTS: tuple[RedactionRule, ...] = (*HEADERS, *ADDRESSES, *COMMANDS)
