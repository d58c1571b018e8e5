"""Fake secrets of many kinds, as they appear in log lines; built from parts so that no scanner reports them."""

from dataclasses import dataclass

_ALPHABET = "Qw7Er9Ty2Ui5Op1As8Df4Gh6Jk3Lz0Xc7Vb2Nm5Qa9Ws1Ed8Rf4Tg6Yh3Uj0Ik7Ol2Pz5Xm9Cn1Vb8"


def _chars(count: int, start: int = 0) -> str:
    return (_ALPHABET[start:] + _ALPHABET * 3)[:count]


def _hex(count: int) -> str:
    return ("9f3c6b1e07a2d854" * 8)[:count]


@dataclass(frozen=True)
class Planted:
    """One secret and the line that holds it."""

    kind: str
    secret: str
    line: str


def _in(kind: str, secret: str, line: str = "using {} for the call") -> Planted:
    return Planted(kind, secret, line.replace("{}", secret))


_JWT = "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiJvcmRlci03NyIsImV4cCI6MX0." + _chars(43)
_KEY_BODY = "MIIEvQIBADAN" + _chars(60)
_START, _END = "-----BEGIN PRIVATE " + "KEY-----", "-----END PRIVATE " + "KEY-----"
_SSH = (
    f"{_START.replace('PRI', 'OPENSSH PRI')}\n{_chars(70, 4)}\n{_chars(44, 9)}==\n{_END.replace('PRI', 'OPENSSH PRI')}"
)

PLANTED = (
    _in("aws access key", "AKIA" + "Q3EGRZ7KXWPLM2NV"),
    _in("aws secret", _chars(38) + "/+", "aws_secret_access_key = {}"),
    _in("aws session token", "IQoJb3JpZ2luX2Vj" + _chars(80), "AWS_SESSION_TOKEN={} loaded"),
    _in("google api key", "AIza" + _chars(35)),
    _in("google oauth token", "ya29." + _chars(60)),
    _in("google client secret", "GOCSPX-" + _chars(28)),
    _in(
        "service account",
        _KEY_BODY,
        '{"type":"service_account","private_key":"' + _START + r"\n{}\n" + _END + r'\n"}',
    ),
    _in(
        "azure storage",
        _chars(86) + "==",
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={};EndpointSuffix=x",
    ),
    _in(
        "azure sas",
        _chars(30) + "%2B" + _chars(8) + "%3D",
        "GET https://acme.blob.core.windows.net/a?sv=2022&sig={}&se=9",
    ),
    _in("azure client secret", "abC8" + "Q~" + _chars(34)),
    _in("github classic", "ghp_" + _chars(36)),
    _in("github oauth", "gho_" + _chars(36)),
    _in("github fine-grained", "github_pat_" + _chars(22) + "_" + _chars(59)),
    _in("gitlab", "glpat-" + _chars(20)),
    _in("slack bot", "xoxb" + "-123456789012-" + _chars(24)),
    _in("slack webhook", "T0AAAAAA1/B0BBBBBB2/" + _chars(24), "POST https://hooks.slack.com/services/{} 200"),
    _in("stripe", "sk_live_" + _chars(24)),
    _in("twilio", "SK" + _hex(32)),
    _in("sendgrid", "SG." + _chars(22) + "." + _chars(43)),
    _in("npm", "npm_" + _chars(36)),
    _in("pypi", "pypi-AgEIcHlwaS5vcmc" + _chars(60)),
    _in("openai", "sk-proj-" + _chars(48)),
    _in("anthropic", "sk-ant-api03-" + _chars(60)),
    _in("gemini", "AQ.Ab8RN6" + _chars(40)),
    _in("jwt", _JWT, "token refused: {}"),
    _in("bearer", _chars(32, 3), "> Authorization: Bearer {}"),
    _in("bearer json", _chars(32, 5), '{"headers":{"authorization":"Bearer {}"}}'),
    _in("basic", "YWxhZGRpbjpvcGVuc2VzYW1l", "curl -H 'Authorization: Basic {}'"),
    _in("cookie", "s%3A" + _chars(30), "Cookie: theme=dark; connect.sid={}; lang=en"),
    _in("set-cookie", _chars(26, 7), "Set-Cookie: JSESSIONID={}; Path=/; HttpOnly"),
    _in("password env", "hunter2!x", "DB_PASSWORD={} DB_NAME=orders"),
    _in("password json", 'tr0ub\\"4dor', '{"user":"svc","password":"{}","retry":1}'),
    _in("password escaped", "c0rrecthorse", r'body="{\"login\":\"svc\",\"passwd\":\"{}\"}"'),
    _in("password yaml", "battery-staple", "spring.datasource.password: {}"),
    _in("password option", "s3same", "mysqldump --password {} orders"),
    _in("password sql", "n0t-so-fast", "CREATE USER app IDENTIFIED BY '{}'"),
    _in("url password", "p%40ssw0rd", "connecting to https://svc:{}@internal.example/x"),
    _in("database url", "v3ryS3cret", "could not reach postgresql://app:{}@db:5432/orders"),
    _in("go dsn", "g0ph3r", "dsn app:{}@tcp(db:3306)/orders"),
    _in("ado.net", "Sq1Pa55", "Server=db;Database=orders;User Id=sa;Password={};Encrypt=true"),
    _in("grafana", "glsa_" + _chars(32) + "_1a2b3c4d"),
    _in("datadog", _hex(32), "DD-API-KEY: {}"),
    _in("vault", "hvs." + _chars(60)),
    _in("digitalocean", "dop_v1_" + _hex(64)),
    _in("hugging face", "hf_" + _chars(34)),
    _in("telegram", "123456789:AA" + _chars(33)),
    _in("api key", _chars(24, 11), "calling with api_key={}&page=2"),
    _in("client secret", _chars(20, 13), 'clientSecret: "{}"'),
    _in("ssh key", _SSH.split("\n")[1], _SSH.split("\n")[0] + "\n{}\n" + "\n".join(_SSH.split("\n")[2:])),
    _in("password in prose", "Wv4" + _chars(5), "login failed, password is {}"),
    _in("password of a user in prose", _chars(9), "the password for svc was {}."),
    _in("client secret in prose", "Kk3" + _chars(7), "client secret {} rejected"),
    _in("mysql option", "Pt55" + _chars(4, 1), "mysql -usvc -p{} orders"),
    _in("telegram address", "123456789:" + "AA" + _chars(12), "https://api.telegram.org/bot{}/getMe"),
    _in("pgpass", _chars(9, 2), "db.example:5432:orders:svc:{}"),
    _in("pgpass of another port", _chars(9, 2), "db.example:7001:orders:svc:{}"),
    _in("one-time code", "493" + "684", "login with otp={} refused"),
    _in("pin in prose", "49" + "36", "pin is {}"),
    _in("api key in prose", "9f8e7d" + _hex(12), "api key is {}"),
    _in("api key with a gap", "9f8e7d" + _hex(12), "api key: {}"),
    _in("access key in prose", _chars(12, 13), "access key {} denied"),
    _in("pwd quoted", _chars(10, 13), "pwd was '{}'"),
    _in("passphrase quoted", "correct horse " + "battery staple", 'passphrase "{}"'),
    _in("credentials in prose", _chars(12, 13), "credentials {} refused"),
    _in("token in prose", _chars(16, 13), "token {} refused"),
    _in("curl user", "s3cret" + "Pass9", "curl -u admin:{} https://internal.example/"),
    _in("sshpass", "open" + "sesame", "sshpass -p {} ssh svc@db"),
    _in("redis-cli", "open" + "sesame", "redis-cli -h cache -a {} ping"),
    _in("docker login", _chars(10, 3), "docker login -u svc -p {} registry.example"),
    _in("quoted option", "open" + "sesame", "createuser --password '{}' svc"),
    _in("rails key", _chars(40, 13), "SECRET_KEY_BASE={}"),
    _in("amazon signature", _hex(64), "X-Amz-Signature={} expired"),
    _in("google signature", _hex(64), "a?X-Goog-Expires=9\\u0026X-Goog-Signature={}"),
    _in("signature field", _chars(30), "refused sig={} of the upload"),
    _in("e-mail", "ada.lovelace+orders@example.co.uk", "no account for {} found"),
    _in("card", "4111 1111 1111 1111", "charge of card {} declined"),
    _in("card without gaps", "5500005555555559", '{"pan":"{}"}'),
    _in("iban", "DE89 3704 0044 0532 0130 00", "refund to {} failed"),
    _in("phone", "+49 170 1234567", "sms to {} failed"),
)

KEY_LOGGED_APART = (_START, _chars(64, 2), _chars(64, 6), _chars(20, 8) + "==", _END)
"""A private key whose lines were logged one by one."""
