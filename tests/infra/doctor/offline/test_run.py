"""Every wrong value of .env is named with its fix before anything starts, and nothing right is called wrong."""

import json

import pytest

from infra import bundle
from infra.doctor.check import Check
from infra.doctor.offline.env_file import parse
from infra.doctor.offline.run import check_deployment, check_local

REAL = """
GRAFANA_HOST=https://logs.example.com
GRAFANA_BASICAUTH="reader:open sesame"
PROMETHEUS_HOST=https://metrics.example.com
GITHUB_REPO=acme/checkout-api
GITHUB_TOKEN=ghp_0123456789abcdefghij0123456789abcdef
export SLACK_WEBHOOK_URL='https://hooks.slack.com/services/T000/B000/abcdef'
GMAIL_CLIENT_ID=client
GMAIL_CLIENT_SECRET=client-secret
GMAIL_REFRESH_TOKEN=refresh-token
GMAIL_USER_EMAIL=copilot@example.com
ON_CALL_ENGINEERS=["ada@example.com", "bo@example.com"]
GEMINI_API_KEY=a-key
GEMINI_MODEL_RCA=gemini-3.8-flash
LOKI_SELECTOR={namespace="$namespace", app="$service"}
"""

WRONG = [
    ("LOKI_SERVICE_LABL=app", "LOKI_SERVICE_LABL", "write LOKI_SERVICE_LABEL"),
    ("grafana_host=https://logs.example.com", "grafana_host", "write GRAFANA_HOST"),
    ("GEMINI_MODEL_RCAS=gemini-3.8-flash", "GEMINI_MODEL_RCAS", "write GEMINI_MODEL_RCA"),
    ("MY_OWN_NOTE=1", "MY_OWN_NOTE", "MY_OWN_NOTE"),
    ("GRAFANA_HOST=logs.example.com:3100", "GRAFANA_HOST: write a base URL", "set GRAFANA_HOST"),
    ("GRAFANA_HOST=https://me:pw@logs.example.com", "GRAFANA_HOST: write the base URL alone", "set GRAFANA_HOST"),
    ("GRAFANA_BASICAUTH=only-a-password", "GRAFANA_BASICAUTH: write user:password", "set GRAFANA_BASICAUTH"),
    ("LOKI_SERVICE_LABEL=service-name", "LOKI_SERVICE_LABEL", "set LOKI_SERVICE_LABEL"),
    ("LOKI_PAGE_LINES=50000", "LOKI_PAGE_LINES: Input should be less than or equal to 5000", "set LOKI_PAGE_LINES"),
    ("LOKI_TIMEOUT_S=ten", "LOKI_TIMEOUT_S: Input should be a valid number", "set LOKI_TIMEOUT_S"),
    ('LOKI_SELECTOR={app="shop"}', "LOKI_SELECTOR: it selects the same for every alert", "set LOKI_SELECTOR"),
    ("LOOKUP_WINDOW_SECONDS=-5", "LOOKUP_WINDOW_SECONDS", "set LOOKUP_WINDOW_SECONDS"),
    ("PR_MODE=drafts", "PR_MODE: Input should be 'off', 'draft'", "set PR_MODE"),
    ("SAVE_OUTPUT=sometimes", "SAVE_OUTPUT: Input should be a valid boolean", "set SAVE_OUTPUT"),
    ("SERVICE_LABELS=app, job", "SERVICE_LABELS: not valid JSON", "set SERVICE_LABELS"),
    ("SERVICE_REPOS={'shop': 'acme/shop'}", "SERVICE_REPOS: not valid JSON", "set SERVICE_REPOS"),
    ('SERVICE_REPOS={"shop": "shop"}', "SERVICE_REPOS has 'shop' for 'shop'", "set SERVICE_REPOS"),
    ("GITHUB_REPO=https://github.com/acme/shop", "GITHUB_REPO is", "set GITHUB_REPO"),
    ("GITHUB_API_URL=api.github.com", "GITHUB_API_URL", "set GITHUB_API_URL"),
    ("GITHUB_APP_ID=12345", "GITHUB_APP_PRIVATE_KEY", "set GITHUB_APP_PRIVATE_KEY"),
    ("MODEL_PROVIDER=openai", "MODEL_PROVIDER: Input should be 'gemini' or 'offline'", "set MODEL_PROVIDER"),
    ("TELEMETRY_PROVIDER_LOGS=elastic", "TELEMETRY_PROVIDER_LOGS is 'elastic'", "set TELEMETRY_PROVIDER_LOGS"),
    ("ON_CALL_ENGINEERS=ada", "ON_CALL_ENGINEERS holds an invalid mail address", "set ON_CALL_ENGINEERS"),
    ("POST_PROCESS_URL=http://hook.example.com/x", "POST_PROCESS_URL must be an https URL", "set POST_PROCESS_URL"),
    ("SLACK_BOT_TOKEN=xoxb-1-2-abcdef", "SLACK_BOT_TOKEN and SLACK_CHANNEL", "set SLACK_CHANNEL"),
    ("ONCALL_PROVIDER=pagerduty", "PAGERDUTY_API_TOKEN is not set", "set PAGERDUTY_API_TOKEN"),
    ("GMAIL_SERVICE_ACCOUNT={}", "GMAIL_USER_EMAIL is not set", "set GMAIL_USER_EMAIL"),
    ("GMAIL_SERVICE_ACCOUNT={}\nGMAIL_USER_EMAIL=a@example.com", "is not the JSON key", "set GMAIL_SERVICE_ACCOUNT"),
    ("MAIL_PROVIDER=smtp", "SMTP_HOST is not set", "set SMTP_HOST"),
    ("MAIL_PROVIDER=sendgrid", "MAIL_PROVIDER: Input should be 'gmail' or 'smtp'", "set MAIL_PROVIDER"),
    ("SMTP_HOST=mail.example.com\nSMTP_FROM=a@example.com\nSMTP_TLS=off", "SMTP_TLS=off is for", "set SMTP_TLS"),
    ("INCIDENT_PAGE_URL=https://console.example.com/", "INCIDENT_PAGE_URL", "set INCIDENT_PAGE_URL"),
    ('ADVICE_TEMPLATES=[{"name": "ecs"}]', "ADVICE_TEMPLATES: at 0.goes_with", "set ADVICE_TEMPLATES"),
    ("INVESTIGATIONS_PER_HOUR=0.5", "INVESTIGATIONS_PER_HOUR", "set INVESTIGATIONS_PER_HOUR"),
    ("GITHUB_WEBHOOK_SECRET=short", "GITHUB_WEBHOOK_SECRET", "set GITHUB_WEBHOOK_SECRET"),
    ("GOOGLE_CLOUD_PROJECT=mine", "`make local` works with its own value alone", "delete GOOGLE_CLOUD_PROJECT"),
    ("GOOGLE_GENAI_USE_VERTEXAI=true", "`make local` works", "delete GOOGLE_GENAI_USE_VERTEXAI"),
    ("PR_MODE=“draft”", "typographic quote", "PR_MODE="),
    ('PR_MODE="draft', "the quotes of PR_MODE are never closed", "close them"),
    ("PR_MODE draft", "line 2 of .env is no NAME=value", "line 2"),
    ("PR_MODE=draft\nPR_MODE=off", "PR_MODE stands twice, in lines 2 and 3", "keep one line of PR_MODE"),
    ("SANDBOX_SOURCES=perhaps", "SANDBOX_SOURCES: Input should be a valid boolean", "set SANDBOX_SOURCES"),
]


def wrong(checks: list[Check]) -> list[Check]:
    """Return what has to be changed."""
    return [check for check in checks if check.state == "wrong"]


@pytest.mark.parametrize(("line", "words", "fix"), WRONG, ids=[row[0][:40] for row in WRONG])
def test_wrong_line_is_named_with_its_fix(line: str, words: str, fix: str) -> None:
    """Whoever made the mistake reads what it is and what to write, before the first alert."""
    checks = wrong(check_local(parse(f"\n{line}\n")))

    assert any(words in check.what and fix in check.fix for check in checks), checks


def test_every_wrong_variable_is_named_at_once() -> None:
    """One start shows all of them, also those of one class, and of classes after the first that fails."""
    lines = "PR_MAX_FILES=none\nPR_MAX_CHANGED_LINES=none\nLOKI_TIMEOUT_S=0\nSERVICE_LABELS=x\nPR_MODE=x\n"

    checks = wrong(check_local(parse(lines)))

    assert sorted(check.what.split(":")[0] for check in checks) == sorted(
        line.split("=")[0] for line in lines.splitlines()
    )


def test_each_mistake_is_named_once() -> None:
    """A value that its own check refuses is not refused again by the feature that it is part of."""
    checks = wrong(check_local(parse("GRAFANA_HOST=logs\nPROMETHEUS_HOST=https://m.example.com\nGITHUB_REPO=a/b\n")))

    assert [check.what.split(":")[0] for check in checks] == ["GRAFANA_HOST"]


def test_half_an_account_names_each_missing_variable() -> None:
    """Some of Gmail's variables mean that mail is wanted, so each of the others is named."""
    checks = wrong(check_local(parse("GMAIL_CLIENT_ID=client\nGMAIL_USER_EMAIL=a@example.com\n")))

    assert [check.what.split(" ")[0] for check in checks] == ["GMAIL_CLIENT_SECRET", "GMAIL_REFRESH_TOKEN"]


def test_mail_without_receivers_is_wrong() -> None:
    """There is no default receiver: without one each brief would fail in the first incident."""
    text = REAL.replace("ON_CALL_ENGINEERS", "# ON_CALL_ENGINEERS")

    (check,) = wrong(check_local(parse(text)))

    assert check.what.startswith("ON_CALL_ENGINEERS is empty")


def test_right_configuration_is_ok() -> None:
    """Quotes, `export`, JSON and selectors are read as they are meant."""
    checks = check_local(parse(REAL))

    assert [str(check) for check in checks] == [
        "ok           the variables of .env: 14 set, every name and value can be read"
    ]


def test_copy_of_the_example_is_ok() -> None:
    """The documented way to start a .env is no mistake."""
    example = (bundle.ROOT / ".env.example").read_text()

    assert wrong(check_local(parse(example))) == []


def test_defaults_of_the_example_are_ok_when_they_are_written_out() -> None:
    """A commented default may be uncommented, except those that the stack chooses itself."""
    lines = (bundle.ROOT / ".env.example").read_text().splitlines()
    defaults = [line[2:] for line in lines if line.startswith("# ") and line[2:].split("=")[0].isupper()]

    checks = wrong(check_local(parse("\n".join(defaults))))

    assert len(defaults) > 70
    assert [check for check in checks if "make local" not in check.what and "fictional" not in check.what] == []


SECRETS = {
    "GITHUB_TOKN": "not-of-any-known-form",
    "GRAFANA_BASICAUTH": "hunter2hunter2",
    "POST_PROCESS_URL": "http://hook.example.com/t0ken-in-path",
    "GITHUB_APP_PRIVATE_KEY": "no key at all",
    "GITHUB_APP_ID": "1",
    "GITHUB_APP_INSTALLATION_ID": "2",
    "APPROVAL_SIGNING_KEY": "too-short",
    "STEP_PUBLIC_KEYS": "{broken-json",
    "GITHUB_REPO": "ghp_0123456789abcdefghij0123456789abcdef",
}


def test_no_secret_is_printed() -> None:
    """Not even one that stands in a variable whose value is quoted."""
    text = "\n".join(f"{name}={value}" for name, value in SECRETS.items())

    printed = "\n".join(map(str, check_local(parse(text))))

    assert [value for value in SECRETS.values() if len(value) > 1 and value in printed] == []
    assert all(name in printed for name in ("GITHUB_TOKN", "GRAFANA_BASICAUTH", "POST_PROCESS_URL", "GITHUB_REPO"))


def test_deployment_names_unknown_names_wrong_values_and_secrets() -> None:
    """Terraform would take any text for a value; a secret would stand in its state."""
    checks = wrong(check_deployment({"GITHUB_TOKEN": "abcdefgh", "PR_MODE": "drafts", "GRAFANA_HOTS": "https://x"}))

    assert [check.what.split(" ")[0] for check in checks] == ["GITHUB_TOKEN", "GRAFANA_HOTS", "PR_MODE:"]
    assert "abcdefgh" not in str(checks)


def test_deployment_may_name_what_a_laptop_may_not() -> None:
    """Its project is its own, and real sources need no sandboxes."""
    checks = check_deployment(
        {"GRAFANA_HOST": "https://g.example.com", "ON_CALL_ENGINEERS": json.dumps(["a@example.com"])}
    )

    assert [check.state for check in checks] == ["ok"]
