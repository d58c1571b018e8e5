"""What a feature needs that is set up only in part: each is opened as the functions open it, without a request."""

import re
from collections.abc import Callable, Mapping

from infra.doctor import variables
from infra.doctor.check import Check, wrong
from infra.doctor.environment import environment
from infra.doctor.offline.values import fix_of
from shared import model, outbox, telemetry
from shared.code_host import writer
from shared.code_host.repository_policy import CodeHostSettings, allowed
from shared.errors import IncidentCopilotError
from shared.outbox.addresses import OnCall

PREFIX = "Settings are missing or wrong: "
_MISSING = re.compile(r"([A-Z][A-Z0-9_]*): Field required")
_NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


def _mail() -> None:
    if outbox.connect_mail() is not None and outbox.ScheduleChoice.from_env().oncall_provider == "list":
        outbox.on_call()


def _on_call() -> None:
    if OnCall.from_env().on_call_engineers:
        outbox.on_call()


def _schedule() -> None:
    if outbox.ScheduleChoice.from_env().oncall_provider == "pagerduty":
        from shared.outbox.schedule import ScheduleSettings

        ScheduleSettings.from_env()


def _repositories(field: str) -> None:
    # Each alone, so that one does not hide what is wrong with another.
    settings = CodeHostSettings.from_env()
    allowed(None, CodeHostSettings.model_validate({field: getattr(settings, field)}))


_LOKI = {"GRAFANA_HOST": "http://127.0.0.1"}
_REPOSITORY = {"GITHUB_REPO": "owner/name"}
OPENED: dict[str, tuple[dict[str, str], Callable[[], object]]] = {
    "logs": (_LOKI, telemetry.connect_logs),
    "metrics": ({}, telemetry.connect_metrics),
    "Grafana": ({}, telemetry.connect_alert_rules),
    "the repository": ({}, lambda: _repositories("github_repo")),
    "the repositories of services": ({}, lambda: _repositories("service_repos")),
    "what alerts may name": ({}, lambda: _repositories("github_allowed_repos")),
    "writing to GitHub": (_REPOSITORY, lambda: writer.connect(None)),
    "the model": ({}, lambda: model.connect("doctor", "light")),
    "mail": ({}, _mail),
    "the receivers of mail": ({}, _on_call),
    "PagerDuty's schedule": ({}, _schedule),
    "the hook": ({}, outbox.connect_hook),
    **{f"the hook {name}": ({}, connect) for name, connect in outbox.HOOKS.items()},
}
"""How each feature is opened, and what stands for a variable without which nothing of it would be looked at."""


def check_connections(values: Mapping[str, str]) -> list[Check]:
    """Return what each feature lacks or refuses, each variable once."""
    checks: dict[str, Check] = {}
    for feature, (stand_in, connect) in OPENED.items():
        with environment({**stand_in, **values}):
            checks |= {check.what: check for check in _failures(feature, connect)}
    return list(checks.values())


def _failures(feature: str, connect: Callable[[], object]) -> list[Check]:
    try:
        connect()
    except IncidentCopilotError as error:
        text = str(error)
    else:
        return []
    missing = _MISSING.findall(text)
    if missing:
        return [wrong(f"{name} is not set, and {feature} needs it", fix_of(name)) for name in missing]
    return [wrong(text.removeprefix(PREFIX), _fix(text))]


def _fix(text: str) -> str:
    names = dict.fromkeys(name for name in _NAME.findall(text) if name in variables.every())
    return "; ".join(fix_of(name) for name in names) or "see .env.example"
