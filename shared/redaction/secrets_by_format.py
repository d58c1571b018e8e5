"""Secrets known by their own format: the keys and tokens that clouds and services issue."""

import re

from shared.redaction import checks
from shared.redaction.rules import RedactionRule, tokens

_KEY_STARTS = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_KEY_BODY = r"(?:[^-\0]|-(?!----)){0,20000}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_TRUNCATED_BODY = r"(?:(?:[\s,\"'+|]|\\[nr])*+[A-Za-z0-9+/=]{16,}+)*+"
_PUTTY_BODY = r"Private-Lines: \d+(?:\s++[A-Za-z0-9+/=]{16,}+)++"
_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def is_random_tail(text: str) -> bool:
    """Whether the token has capitals, small letters and digits, or ends long and hexadecimal: no words of a name."""
    has_all = all(any(test(char) for char in text[3:]) for test in (str.isupper, str.islower, str.isdigit))
    return has_all or re.search(r"[0-9a-f]{32}$", text) is not None


PRIVATE_KEYS = (
    RedactionRule("private key", ("private",), rf"(?P<secret>{_KEY_STARTS}(?:{_KEY_BODY}|{_TRUNCATED_BODY}))"),
    RedactionRule("private key", ("private-lines",), rf"(?P<secret>{_PUTTY_BODY})"),
    RedactionRule(
        "private key",
        ('"kty"', "'kty'"),
        r"""["'](?:d|k|p|q|dp|dq|qi)["']\s{0,3}:\s{0,3}["'](?P<secret>[A-Za-z0-9_-]{16,}+)""",
    ),
)
CLOUDS = (
    *tokens("age key", {"age-secret-key": r"AGE-SECRET-KEY-1[A-Z0-9]{58}"}),
    *tokens("aws access key", {"akia asia abia acca aroa aida": r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z2-7]{16}"}),
    *tokens("google api key", {"aiza": r"AIza[A-Za-z0-9_-]{35}", "aq.ab": r"AQ\.Ab[A-Za-z0-9_-]{30,}+"}),
    *tokens(
        "google oauth token",
        {
            "ya29.": r"ya29\.[A-Za-z0-9_.-]{20,}+",
            "gocspx-": r"GOCSPX-[A-Za-z0-9_-]{20,}+",
            "1//0": r"1//0[A-Za-z0-9_-]{30,}+",
            "4/0a": r"4/0A[A-Za-z0-9_-]{30,}+",
        },
    ),
    *tokens("azure client secret", {"q~": r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"}),
    *tokens(
        "cloud key",
        {
            "avns_": r"AVNS_[A-Za-z0-9_-]{16,}+",
            "ltai": r"LTAI[A-Za-z0-9]{12,24}",
            "akid": r"AKID[A-Za-z0-9]{32}",
            "aqvn": r"AQVN[A-Za-z0-9_-]{35,38}",
            "t1.": r"t1\.[A-Z0-9a-z_-]{40,}+\.[A-Za-z0-9_-]{86}",
            "dop_v1_ doo_v1_ dor_v1_": r"do[opr]_v1_[a-f0-9]{60,}+",
            "nfp_": r"nfp_[A-Za-z0-9]{30,}+",
            "fo1_": r"fo1_[A-Za-z0-9_-]{40,}+",
            "fm1r_ fm2_": r"fm(?:1r|2)_[A-Za-z0-9+/_=-]{60,}+",
            "cfut_": r"cfut_[A-Za-z0-9]{30,}+",
            "tskey-": r"tskey-[a-z]{2,12}-[A-Za-z0-9]{6,}-[A-Za-z0-9]{20,}+",
            "ops_ey": r"ops_eyJ[A-Za-z0-9_-]{40,}+",
            "sha256~": r"sha256~[A-Za-z0-9_-]{43}",
        },
        is_random_tail,
    ),
    *tokens("vault token", {"hvs. hvb. hvr.": r"hv[sbr]\.[A-Za-z0-9_-]{20,}+"}, is_random_tail),
)
CODE_HOSTS = (
    *tokens(
        "github token",
        {"ghp_ gho_ ghu_ ghs_ ghr_": r"gh[pousr]_[A-Za-z0-9]{30,}+", "github_pat_": r"github_pat_[A-Za-z0-9_]{30,}+"},
    ),
    *tokens(
        "gitlab token",
        {
            "glpat- gldt- glrt- glptt- glcbt- glft- glsoat- glimt- glagent- gloas- glffct-": (
                r"gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent|oas|ffct)-[A-Za-z0-9_.-]{20,}+"
            ),
            "gr1348941": r"GR1348941[A-Za-z0-9_-]{20}",
        },
    ),
    *tokens("npm token", {"npm_": r"npm_[A-Za-z0-9]{30,}+"}),
    *tokens("pypi token", {"pypi-age": r"pypi-AgE[A-Za-z0-9_-]{30,}+"}),
    *tokens(
        "package token",
        {
            "rubygems_": r"rubygems_[a-f0-9]{48}",
            "cio": r"cio(?<![A-Za-z0-9]cio)[A-Za-z0-9]{32}(?![A-Za-z0-9])",
            "dckr_pat_ dckr_oat_": r"dckr_[po]at_[A-Za-z0-9_-]{20,}+",
            "akcp": r"AKCp[A-Za-z0-9]{60,}+",
            "oy2": r"oy2(?<![a-z0-9]oy2)[a-z0-9]{43}(?![a-z0-9])",
            "clojars_": r"CLOJARS_[a-z0-9]{60}",
        },
    ),
    *tokens(
        "ci token",
        {
            "ccipat_ ccipra_ cciprj_": r"CCIP(?:AT|RJ|RA)_[A-Za-z0-9_]{20,}+",
            "bkua_ bkaj_": r"bk[ua][aj]_[a-f0-9]{40}",
            "sqp_ squ_ sqa_": r"sq[pua]_[a-f0-9]{40}",
            "pnu_": r"pnu_[A-Za-z0-9]{36}",
            "dp.st. dp.pt. dp.ct. dp.sa. dp.scim. dp.audit.": (
                r"dp\.(?<![A-Za-z]dp\.)(?:st|pt|ct|sa|scim|audit)\.[A-Za-z0-9._-]{30,}+"
            ),
            ".atlasv1.": r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}+",
            "pul-": r"pul-(?<![A-Za-z]pul-)[a-f0-9]{40}",
            "atctt3": r"ATCTT3[A-Za-z0-9_=-]{50,}+",
            "atbb": r"ATBB[A-Za-z0-9]{28,32}",
            "api-": r"API-(?<![A-Za-z0-9]API-)[A-Z0-9]{25,30}(?![A-Za-z0-9])",
        },
    ),
)
SERVICES = (
    *tokens(
        "slack token",
        {"xox": r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}+", "xapp-": r"xapp-\d-[A-Za-z0-9-]{10,}+"},
    ),
    *tokens(
        "stripe key",
        {
            "k_live_ k_test_": r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,}+",
            "whsec_": r"whsec_[A-Za-z0-9+/=]{20,}+",
        },
    ),
    *tokens(
        "payment key",
        {
            "rzp_": r"rzp_(?:live|test)_[A-Za-z0-9]{14,}+",
            "sq0": r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,}+",
            "eaaa": r"EAAA[A-Za-z0-9_-]{60}",
            "flwseck": r"FLWSECK(?:_TEST)?-[A-Za-z0-9-]{12,}+",
            "shippo_ duffel_ mollie_ live_ pdl_": (
                r"(?<![a-z])(?:shippo|duffel|lob|mollie|chargebee|pdl|live|test)_(?:live_|test_|sdbx_)?[A-Za-z0-9_-]{20,}+"
            ),
            "ezak eztk": r"EZ[AT]K[A-Za-z0-9]{50,}+",
            "access-sandbox- access-production- access-development-": (
                rf"access-(?:sandbox|development|production)-{_UUID}"
            ),
        },
        is_random_tail,
    ),
    RedactionRule(
        "payment key",
        ("access_token$production$",),
        r"(?P<secret>access_token\$production\$[a-z0-9]{16}\$[a-f0-9]{32})",
    ),
    *tokens("personal access token", {"1/": r"1/(?<![\w/]1/)\d{10,20}:[a-f0-9]{32}(?![a-f0-9])"}),
    RedactionRule("password", ("554=", "925="), r"(?:^|[|\x01;^])(?:554|925)=(?P<secret>[^|\x01;^\s]{1,256})"),
    RedactionRule("api key", ("?key=", "&key="), r"[?&]key=(?P<secret>[A-Za-z0-9_-]{10,}+)", checks.has_kinds_of_an_id),
    RedactionRule(
        "api key",
        ("username",),
        r"""["']username["']\s{0,3}:\s{0,3}["'][^"'\n]{1,100}["'],\s{0,3}["']key["']\s{0,3}:\s{0,3}["'](?P<secret>[^"'\s]{16,200})""",
    ),
    *tokens("twilio key", {"sk": r"SK[0-9a-f]{32}(?![0-9a-f])"}),
    *tokens("sendgrid key", {"sg.": r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"}),
    *tokens(
        "mail service key",
        {
            "key-": r"key-(?<![A-Za-z0-9]key-)[a-f0-9]{32}(?![a-f0-9])",
            "-us": r"[a-f0-9](?<![a-f0-9].)[a-f0-9]{31}-us\d{1,2}",
            "sib-": r"x(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}",
            "re_": r"re_(?<![A-Za-z0-9_]re_)[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}+",
        },
    ),
    *tokens("anthropic key", {"sk-ant-": r"sk-ant-[A-Za-z0-9_-]{20,}+"}),
    *tokens("openai key", {"sk-": r"sk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,}+"}, is_random_tail),
    *tokens(
        "model key",
        {
            "hf_ gsk_ r8_": r"(?:hf|gsk|r8)_[A-Za-z0-9]{30,}+",
            "xai- pplx-": r"(?:xai|pplx)-[A-Za-z0-9]{30,}+",
            "tgp_": r"tgp_v1_[A-Za-z0-9_-]{40,}+",
            "nvapi-": r"nvapi-[A-Za-z0-9_-]{60,}+",
            "fw_": r"fw_(?<![a-z]fw_)[A-Za-z0-9]{22,}+",
            "jina_": r"jina_[A-Za-z0-9_-]{40,}+",
        },
        is_random_tail,
    ),
    *tokens(
        "grafana token",
        {
            "glsa_": r"glsa_[A-Za-z0-9]{20,}+(?:_[A-Fa-f0-9]{8})?",
            "glc_": r"glc_[A-Za-z0-9+/=]{30,}+",
            "eyjrijoi": r"eyJrIjoi[A-Za-z0-9_=-]{20,}+(?!\.)",
        },
    ),
    *tokens("datadog key", {"ddapi_ ddapp_ ddp_": r"dd(?:api|app|p)_[A-Za-z0-9]{32,}+"}),
    *tokens(
        "observability key",
        {
            "nrak- nrra-": r"NR(?:AK|RA)-[A-Z0-9]{20,}+",
            "nrjs- nrii-": r"NR(?:JS|II)-[A-Za-z0-9_-]{19,}+",
            "nral": r"[a-f0-9](?<![a-f0-9].)[a-f0-9]{35}NRAL",
            "sntrys_ sntryu_": r"sntry[su]_[A-Za-z0-9+/=_-]{30,}+",
            "pmak-": r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
            "dt0": r"dt0[a-z]\d{2}\.[A-Z2-7]{24}\.[A-Z2-7]{64}",
            "sdk- mob-": rf"(?<![a-z])(?:sdk|mob)-{_UUID}",
            "hcaik_ hcxik_": r"hc[ax]ik_[a-z0-9]{50,}+",
            "phc_ phx_": r"ph[cx]_[A-Za-z0-9]{40,}+",
            "lsv2_": r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}",
        },
    ),
    *tokens(
        "platform token",
        {
            "hrku-": r"HRKU-[A-Za-z0-9_-]{30,}+",
            "dapi": r"dapi[a-f0-9]{32}(?:-\d)?",
            "sbp_": r"sbp_[a-f0-9]{40}",
            "sb_secret_": r"sb_secret_[A-Za-z0-9_-]{20,}+",
            "pscale_": r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}+",
            "figd_": r"figd_[A-Za-z0-9_-]{30,}+",
            "cfpat-": r"CFPAT-[A-Za-z0-9_-]{40,}+",
            "pat": r"pat(?<![a-z]pat)[A-Za-z0-9]{14}\.[a-f0-9]{64}",
            "ico-": r"ico-(?<![a-z]ico-)[A-Za-z0-9]{32}",
            "fio-u-": r"fio-u-[A-Za-z0-9_=-]{60,}+",
            "tfp_": r"tfp_[A-Za-z0-9_-]{40,}+",
            "rdme_": r"rdme_[a-z0-9]{70}",
            "pat-na pat-eu": rf"pat-(?:na|eu)\d-{_UUID}",
        },
    ),
    *tokens(
        "workplace token",
        {
            "atatt3": r"ATATT3[A-Za-z0-9_=-]{50,}+",
            "lin_api_ lin_oauth_": r"lin_(?:api|oauth)_[A-Za-z0-9]{30,}+",
            "ntn_": r"ntn_[A-Za-z0-9]{30,}+",
            "secret_": r"secret_[A-Za-z0-9]{43}(?![A-Za-z0-9])",
            "shpat_ shpca_ shppa_ shpss_": r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
            "eaac": r"EAAC[A-Za-z0-9]{60,}+",
            "sl.": r"sl\.(?<![A-Za-z0-9.]sl\.)[A-Za-z0-9_-]{60,}+",
            ".g .x .y": r"[MNO](?<![\w-].)[A-Za-z\d_-]{23,26}\.[GXYZ][\w-]{5}\.[\w-]{27,38}(?![\w-])",
        },
    ),
    RedactionRule("telegram token", (":aa",), r"(?P<secret>\d(?<![\d:].)\d{7,9}:AA[A-Za-z0-9_-]{32,35})(?![\w-])"),
    *tokens(
        "jwt",
        {"eyj": r"eyJ[A-Za-z0-9_-]{8,}+\.(?:eyJ)?[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]++){0,2}"},
    ),
)
HASHES = (
    RedactionRule("password hash", ('"md5', "'md5"), r"(?<=[\"'])(?P<secret>md5[0-9a-f]{32})(?=[\"'])"),
    RedactionRule(
        "password hash",
        ("$2a$", "$2b$", "$2y$", "$1$", "$5$", "$6$", "$y$", "$apr1$", "$argon2", "$pbkdf2", "$scrypt"),
        r"(?P<secret>\$(?:2[abxy]?\$\d\d\$[./A-Za-z0-9]{50,60}|(?:1|5|6|y|apr1)\$[^\s\"'`,;&<>\0]{12,200}"
        r"|(?:argon2(?:id|i|d)|pbkdf2[a-z0-9-]{0,12}|scrypt)\$[^\s\"'`;&<>\0]{20,300}))",
    ),
    RedactionRule(
        "password hash",
        ("pbkdf2_sha", "pbkdf2:", "scrypt:", "bcrypt_sha256$", "argon2$", "{ssha", "{sha", "{crypt", "scram-sha-"),
        r"(?P<secret>(?:pbkdf2_sha\d{1,3}\$|pbkdf2:sha\d{1,3}:|scrypt:\d|bcrypt_sha256\$|argon2\$argon2|\{S?SHA\d{0,3}\}"
        r"|\{CRYPT\}|SCRAM-SHA-\d{1,3}\$)[^\s\"'`,;&<>\0]{20,300})",
    ),
)

TOKENS: tuple[RedactionRule, ...] = (*PRIVATE_KEYS, *CLOUDS, *CODE_HOSTS, *SERVICES, *HASHES)
