"""Secrets known by their own format: the keys and tokens that clouds and services issue."""

from shared.redaction.rules import RedactionRule, token

_KEY_STARTS = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_KEY_BODY = r"(?:[^-]|-(?!----)){0,20000}+-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_TRUNCATED_BODY = r"(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{16,}+)*+"
_PUTTY_BODY = r"Private-Lines: \d+(?:\s++[A-Za-z0-9+/=]{16,}+)++"

TOKENS: tuple[RedactionRule, ...] = (
    RedactionRule("private key", ("private key",), rf"(?P<secret>{_KEY_STARTS}(?:{_KEY_BODY}|{_TRUNCATED_BODY}))"),
    RedactionRule("private key", ("putty-user-key",), rf"(?P<secret>{_PUTTY_BODY})"),
    RedactionRule(
        "ssh key",
        (" aaaa",),
        r"(?<![A-Za-z0-9-])(?P<secret>[a-z0-9-]{7,20}+ AAAA[A-Za-z0-9+/]{32,}+={0,2})",
    ),
    token("age key", "age-secret-key", r"AGE-SECRET-KEY-1[A-Z0-9]{58}"),
    token("aws access key", "akia asia abia acca aroa aida", r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z2-7]{16}"),
    token("google api key", "aiza aq.ab", r"AIza[A-Za-z0-9_-]{35}", r"AQ\.Ab[A-Za-z0-9_-]{30,}+"),
    token(
        "google oauth token",
        "ya29. gocspx- 1//0",
        r"ya29\.[A-Za-z0-9_.-]{20,}+",
        r"GOCSPX-[A-Za-z0-9_-]{20,}+",
        r"1//0[A-Za-z0-9_-]{30,}+",
    ),
    token("azure client secret", "q~", r"[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}"),
    token(
        "github token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"gh[pousr]_[A-Za-z0-9]{30,}+",
        r"github_pat_[A-Za-z0-9_]{30,}+",
    ),
    token(
        "gitlab token",
        "glpat- gldt- glrt- glptt- glcbt- glft- glsoat- glimt- glagent- gloas- gr1348941",
        r"gl(?:pat|dt|rt|ptt|cbt|ft|soat|imt|agent|oas)-[A-Za-z0-9_.-]{20,}+",
        r"GR1348941[A-Za-z0-9_-]{20}",
    ),
    token("slack token", "xox xapp-", r"xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,}+", r"xapp-\d-[A-Za-z0-9-]{10,}+"),
    token(
        "stripe key",
        "sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ pk_test_ whsec_",
        r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,}+",
        r"whsec_[A-Za-z0-9+/=]{20,}+",
    ),
    token("twilio key", "sk", r"SK[0-9a-f]{32}"),
    token("sendgrid key", "sg.", r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+"),
    token("mail service key", "key- -us", r"key-[a-f0-9]{32}", r"[a-f0-9]{32}-us\d{1,2}"),
    token("npm token", "npm_", r"npm_[A-Za-z0-9]{30,}+"),
    token("pypi token", "pypi-age", r"pypi-AgE[A-Za-z0-9_-]{30,}+"),
    token("anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{20,}+"),
    token("openai key", "sk-", r"sk-(?:proj-|svcacct-|admin-|or-v1-)?(?=[A-Za-z_-]{0,60}\d)[A-Za-z0-9_-]{20,}+"),
    token(
        "model key", "hf_ gsk_ r8_ xai- pplx-", r"(?:hf|gsk|r8)_[A-Za-z0-9]{30,}+", r"(?:xai|pplx)-[A-Za-z0-9]{30,}+"
    ),
    token(
        "grafana token",
        "glsa_ glc_ eyjrijoi",
        r"glsa_[A-Za-z0-9]{20,}+(?:_[A-Fa-f0-9]{8})?",
        r"glc_[A-Za-z0-9+/=]{30,}+",
        r"eyJrIjoi[A-Za-z0-9_=-]{20,}+(?!\.)",
    ),
    token("datadog key", "ddapi_ ddapp_ ddp_", r"dd(?:api|app|p)_[A-Za-z0-9]{32,}+"),
    token(
        "observability key",
        "nrak- nrjs- sntry pmak-",
        r"NRAK-[A-Z0-9]{20,}+",
        r"NRJS-[a-f0-9]{19}",
        r"sntry[su]_[A-Za-z0-9+/=_-]{30,}+",
        r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}",
    ),
    token("vault token", "hvs. hvb. hvr.", r"hv[sbr]\.[A-Za-z0-9_-]{24,}+"),
    token(
        "platform token",
        "_v1_ hrku- dckr_pat_ dapi dp. sbp_ pscale_ .atlasv1.",
        r"do[opr]_v1_[a-f0-9]{60,}+",
        r"HRKU-[A-Za-z0-9_-]{30,}+",
        r"dckr_pat_[A-Za-z0-9_-]{20,}+",
        r"dapi[a-f0-9]{32}",
        r"dp\.(?:st|pt|ct|sa)\.[A-Za-z0-9._-]{30,}+",
        r"sbp_[a-f0-9]{40}",
        r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{30,}+",
        r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}+",
    ),
    token(
        "workplace token",
        "atatt3 lin_api_ ntn_ shpat_ shpca_ shppa_ shpss_ sq0",
        r"ATATT3[A-Za-z0-9_=-]{50,}+",
        r"lin_api_[A-Za-z0-9]{30,}+",
        r"ntn_[A-Za-z0-9]{30,}+",
        r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
        r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}+",
    ),
    token("telegram token", ":aa", r"\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    token("jwt", "eyj", r"eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]++){0,2}"),
)
