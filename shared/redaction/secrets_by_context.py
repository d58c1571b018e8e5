"""Secrets known by the text before them, and personal numbers known by their check digits."""

import re

from shared.redaction import checks
from shared.redaction.decoded_views import FILLER
from shared.redaction.patterns import Pattern
from shared.redaction.rules import RedactionRule, after

_IS = (
    r"""(?:["'`]\s{0,3},\s{0,3}["'`]"""
    r"""|["'`]?\]?\s{0,3}(?:=>|[:=]{1,2})\s{0,3}(?:string\(\d{1,6}\)\s)?[\[(]{0,2}\s?["'`]?)"""
)
_PAIR = r"""[^\s=;,"'\\\[\]\0]++=[^\s;,"'\\\0]*+"""
_FLAG = r"(?:secure|httponly|partitioned)(?![a-z0-9=])"
_SCHEMES = (
    r"basic|bearer|digest|negotiate|token|apikey|api-key|key|bot|ntlm|hawk|oauth|dpop|splunk|ssws|sharedkey(?:lite)?|aws"
    r"|aws4-hmac-sha256|aws4-ecdsa-p256-sha256|googlelogin|kerberos|mac|hmac|hmac-sha256|signature|jwt|sso-key|genie(?:key)?"
    r"|scram-sha-256|vapid|cloudsigma|discogs|zoho-oauthtoken|klaviyo-api-key|pat|private-token|tdx|acs3-hmac-sha256"
)
_PARAMETERS = r"""[a-z_-]{1,40}=(?:"[^"\n\0]*"?|'[^'\n\0]*'?|[^\s,"']*+)"""
_CREDENTIALS = rf"""(?:{_PARAMETERS}(?:,?\s{{0,3}}{_PARAMETERS})*+|[^\s"'`,;)}}\]<>\0]++)"""
_STATES = Pattern(
    r"(?i)(?:bearer|basic|digest|token|header|headers|required|missing|failed|null|none|nil|invalid|denied|error|is|was|not"
    r"|success\w*|granted|ok|code|server|service|policy|rules?|bypass\w*|disabled|enabled|undefined|true|false)\W*"
)
_SCHEME = Pattern(rf"(?:{_SCHEMES})\s+", re.IGNORECASE)


def is_credentials(text: str) -> bool:
    """Whether what follows `Authorization:` is more than a scheme, a placeholder or a word about its state."""
    rest = text.replace(FILLER, "").strip()
    value = _SCHEME.sub("", rest)
    if len(value) < 4 or _STATES.fullmatch(value) or checks.is_ordinary(value):
        return False
    return value != rest or "=" in value or checks.is_mixed(value) or checks.looks_random(value)


def is_scheme_credentials(text: str) -> bool:
    """Whether the word after a scheme's name is no word."""
    return checks.looks_random(text.rstrip("=")) or checks.is_basic_credentials(text)


def is_address_secret(text: str) -> bool:
    """Whether the part of an address is no placeholder."""
    rest = text.replace(FILLER, "")
    return len(rest) > 0 and not checks.is_ordinary(rest)


def is_random_path(text: str) -> bool:
    """Whether a part of the path is random: what a webhook is protected by."""
    return any(checks.looks_random(part) and len(part) >= 12 for part in text.split("/"))


HEADERS = (
    after(
        "authorization",
        ("authorization",),
        rf"authorization(?<![a-z]authorization){_IS}(?P<secret>(?:(?:{_SCHEMES})\s{{1,3}})?{_CREDENTIALS})",
        is_credentials,
    ),
    after(
        "authorization",
        ("digest", "aws4-hmac", "hawk", "oauth_", "keyid"),
        rf"(?:digest|aws4-hmac-sha256|hawk|oauth|signature)\s{{1,3}}(?P<secret>{_PARAMETERS}(?:,?\s{{0,3}}{_PARAMETERS})++)",
    ),
    after(
        "authorization",
        ("bearer", "basic", "apikey", "negotiate", "ntlm", "ssws", "splunk", "sharedkey", "geniekey"),
        r"(?<![a-z0-9_-])(?:bearer|basic|apikey|negotiate|ntlm|ssws|splunk|sharedkey|geniekey)(?:\s{1,3}|%20|\+)"
        r"(?P<secret>[a-z0-9._~+/:-]{8,}+=*+)",
        is_scheme_credentials,
        starts=("bearer", "basic", "apikey", "negotiate", "ntlm", "ssws", "splunk", "sharedkey", "geniekey"),
    ),
    after(
        "cookie",
        ("cookie",),
        rf"cookie(?<![a-z]cookie)s?{_IS}(?P<secret>{_PAIR}(?:;\s{{0,2}}(?:{_PAIR}|{_FLAG}))*+)",
        is_address_secret,
    ),
    after(
        "session",
        (";jsessionid=", "sessionid=", "sessid=", "session_id=", "_session="),
        r"(?:jsessionid|phpsessid|sessionid|sessid|session_id|_session|sid)=(?P<secret>[a-z0-9%._~+/-]{16,}+=*)",
        checks.looks_random,
    ),
)
_USER = r"[^\s/:@\"'<>\0]*+"
_STORES = (
    r"postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|amqps?|mssql|sqlserver|oracle|cockroachdb|clickhouse|ldaps?|smtps?"
    r"|imaps?|ftps?|sftp|ssh|kafka|nats|influxdb|snowflake|redshift|neo4j|bolt|memcached|cassandra|couchdb|vertica|db2|odbc"
)
_SIGNED = (
    r"x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|x-oss-(?:signature|security-token)"
    r"|x-tos-signature|x-cos-security-token"
)
ADDRESSES = (
    after(
        "webhook",
        (
            *("hooks.slack.com", "/api/webhooks", "webhook.office.com", "hooks.zapier.com", "maker.ifttt.com"),
            *("chat.googleapis.com", "open.feishu.cn", "open.larksuite.com", "hc-ping.com", "events.pagerduty.com"),
            "alert.victorops.com",
        ),
        r"(?:hooks\.slack(?:-gov)?\.com/[a-z]{1,20}|discord(?:app)?\.com/api(?:/v\d{1,2})?/webhooks"
        r"|webhook\.office\.com/webhookb2|hooks\.zapier\.com/hooks/catch|maker\.ifttt\.com/trigger/[^/\s]{1,100}/(?:json/)?with/key"
        r"|chat\.googleapis\.com/v1/spaces|open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook|hc-ping\.com"
        r"|events\.pagerduty\.com/integration|alert\.victorops\.com/integrations/generic/[^/\s]{1,20}/alert)/"
        r"(?P<secret>[^\s\"'`<>)\]}\\\0]{8,}+)",
    ),
    after(
        "webhook",
        ("hook",),
        r"/[a-z-]{0,20}hooks?(?:-test)?/(?P<secret>[^\s\"'`<>)\]}\\?&#\0]{12,}+)",
        is_random_path,
    ),
    after(
        "url token",
        ("reset", "password", "token", "invit", "magic", "confirm", "verif", "activat", "unsubscribe", "/login/"),
        r"/[a-z_-]{0,20}(?:reset|password|token|invit|magic|confirm|verif|activat|unsubscribe|login)[a-z_-]{0,20}/"
        r"(?P<secret>[a-z0-9_-]{20,}+)(?![a-z0-9_.-])",
        checks.has_all_kinds,
    ),
    after(
        "signature",
        ("sig=", "x-amz-", "x-goog-", "signature=", "x-oss-", "hmac=", "policy="),
        rf"[?&;](?:sig|{_SIGNED}|(?:hdnts|hdnea|__token__)|hmac|signature|s-?signature|policy)=(?P<secret>[^&\s\"'`<>\\\0]{{8,}}+)",
        is_address_secret,
    ),
    after(
        "token",
        ("token=", "key=", "auth=", "secret=", "ticket=", "code=", "jwt=", "access_token", "apikey="),
        r"[?&](?:[a-z_-]{0,20}(?:token|key|auth|secret|ticket|jwt)|(?:auth(?:orization)?_?)?code)="
        r"(?P<secret>[^&\s\"'`<>#\\\0]{12,}+)",
        checks.looks_random,
    ),
    after(
        "url password",
        ("://",),
        rf"://{_USER}:(?P<secret>[^\s\"'<>/\\\0]{{1,512}})@(?=[a-z0-9.\[(<$]|{FILLER})",
        is_address_secret,
    ),
    after(
        "url password",
        ("://",),
        rf"://{_USER}:(?P<secret>(?!\d{{1,5}}[/?\s,])[^\s\"'<>\0]{{1,256}})@(?=[a-z0-9.\[])",
        is_address_secret,
        before=rf"(?<![a-z])(?:jdbc:)?(?:{_STORES})(?:\+[a-z0-9_]{{1,20}})?",
    ),
    after(
        "url password",
        ("@tcp(", "@unix(", "@(", "@udp("),
        r"(?<![\w:/.-])[\w.-]{1,64}+:(?P<secret>[^\s\"'<>/\0]{1,256})@(?=(?:tcp|unix|udp)?\()",
        is_address_secret,
    ),
    after(
        "url password",
        ("jdbc:oracle:", "sqlplus", "@//", "rman", "expdp", "impdp"),
        r"(?:jdbc:oracle:(?:thin|oci)8?:|(?:sqlplus|rman|expdp|impdp|sqlldr)\s[^\r\n\0]{0,60}?)[\w$#.-]{1,64}+/"
        r"(?P<secret>[^\s@\"'\0]{1,256}+)@",
        is_address_secret,
    ),
    # Between fields of a log.
    after(
        "signature",
        ("x-amz-", "x-goog-", "x-oss-"),
        rf"(?:{_SIGNED})=(?P<secret>[^&\s\"'`<>\\\0]{{6,}}+)",
        is_address_secret,
    ),
    after(
        "signature",
        ("sig=", "signature="),
        r"sig(?<![\w.-]sig)(?:nature)?=(?P<secret>[^&\s\"'`<>\\\0]{8,}+)",
        checks.looks_random,
    ),
    after("telegram token", ("bot",), r"bot(?<![\w-]bot)(?P<secret>\d{6,12}:(?:aa[\w-]{4,}+|[\w-]{20,}+))"),
    after(
        "url password",
        ("@",),
        r":(?P<secret>[^\s\"'<>/@:\0]{6,128}+)@(?!sha\d|md5)(?=[a-z0-9])",
        checks.looks_random,
        before=r"(?<![\w:/.-])[\w.-]{1,64}+",
    ),
    after("url token", ("://",), r"://(?P<secret>[a-z0-9_-]{20,255}+)@", checks.looks_random),
    after(
        "ticket",
        ("=st-", "\nst-", "tgt-", "pgt-"),
        r"(?<![a-z0-9])(?:st|tgt|pgt(?:iou)?)-\d{1,9}-(?P<secret>[a-z0-9-]{20,}+)",
        checks.looks_random,
    ),
)
PEOPLE = (
    after(
        "e-mail",
        ("@",),
        r"(?P<secret>@(?!\d+\.\d)(?:[a-z0-9-]{1,63}+\.){1,8}(?<=\.)[a-z]{2,24}+)(?![\w-])",
        checks.is_persons_address,
        before=r"(?<![\w.+%-])(?P<secret>[\w.+%-]{1,64}+)",
    ),
    # The look-behind comes after four digits, which few places have.
    RedactionRule(
        "card number",
        tuple("23456"),
        (
            r"(?P<secret>[2-6]\d{3}(?<![\w.+:-]\d{4})(?:\d{10,12}|([ -])\d{4}\2\d{4}\2\d{4}|([ -])\d{6}\3\d{4,5}))"
            r"(?![\w-]|\.\d)"
        ),
        checks.is_card,
        in_word=r"[2-6]\d{3}(?<![\w.+:-]\d{4})(?:\d{10}|-\d{4}-|-\d{6}-|\s)",
    ),
    RedactionRule(
        "iban",
        tuple("0123456789"),
        (
            r"(?P<secret>[A-Z]{2}\d{2}(?<![A-Za-z0-9_-].{4})(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?)"
            r"(?![A-Za-z0-9_-])"
        ),
        checks.is_iban,
        in_word=r"[A-Z]{2}\d{2}(?<![A-Za-z0-9_-].{4})(?:[A-Z0-9]{4}|\s)",
    ),
    RedactionRule(
        "phone number",
        ("+",),
        r"(?P<secret>\+(?<![\w+.:-].)[1-9]\d{0,2}(?:[ -]?\(?\d{1,4}\)?){2,5})(?![\w.:])",
        checks.is_phone,
    ),
)
CONTEXTS: tuple[RedactionRule, ...] = (*HEADERS, *ADDRESSES)
