"""What .env changes in the local stack: it replaces the sandboxes' settings, and none of them fills up an account."""

from collections.abc import Mapping

from infra.doctor.offline.sources import SOURCES, has_sandboxes

GROUPS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (SOURCES["code"], ("GITHUB_API_URL", "GITHUB_TOKEN", "GITHUB_REPO")),
    (
        (
            "GMAIL_API_URL",
            "GMAIL_CLIENT_ID",
            "GMAIL_CLIENT_SECRET",
            "GMAIL_REFRESH_TOKEN",
            "GMAIL_SERVICE_ACCOUNT",
            "GMAIL_USER_EMAIL",
            "MAIL_PROVIDER",
            "SMTP_HOST",
        ),
        (
            "GMAIL_API_URL",
            "GMAIL_TOKEN_URL",
            "GMAIL_CLIENT_ID",
            "GMAIL_CLIENT_SECRET",
            "GMAIL_REFRESH_TOKEN",
            "GMAIL_USER_EMAIL",
            "ON_CALL_ENGINEERS",
        ),
    ),
)
"""Variables of one account: when .env sets one of the first, no sandbox sets any of the second."""


def own_settings(values: Mapping[str, str]) -> dict[str, str]:
    """Return what the functions get in place of the sandboxes' settings; an empty text is a variable that is unset."""
    left_out = {name for triggers, names in GROUPS if any(one in values for one in triggers) for name in names}
    if not has_sandboxes(values):
        left_out |= {"GRAFANA_HOST", "PROMETHEUS_HOST", "GITHUB_API_URL", "GITHUB_TOKEN", "GITHUB_REPO"}
    # A key in .env means that the model is wanted; without this the stack runs offline.
    model = {"MODEL_PROVIDER": "gemini"} if "GEMINI_API_KEY" in values else {}
    return {**dict.fromkeys(sorted(left_out), ""), **model, **values}
