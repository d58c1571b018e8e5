"""The checks that need no network: what .env, or the settings of a deployment, say."""

import re
from collections.abc import Mapping

from infra.doctor import variables
from infra.doctor.check import Check, ok, without_secrets, wrong
from infra.doctor.offline.connections import check_connections
from infra.doctor.offline.env_file import EnvFile
from infra.doctor.offline.names import SET_BY_THE_STACK, check_names, check_stack_names
from infra.doctor.offline.sources import check_sources
from infra.doctor.offline.values import check_values

_NAMED = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b")


def check_local(env: EnvFile) -> list[Check]:
    """Return every check of .env as `make local` reads it."""
    checks = [*env.checks, *check_names(env.lines), *check_stack_names(env.values), *check_sources(env.values)]
    return _finished("the variables of .env", [*checks, *_common(env.values)], env.values)


def check_deployment(values: Mapping[str, str]) -> list[Check]:
    """Return every check of the settings of a deployment; secrets are not among them."""
    rows = variables.every()
    secrets = [name for name in values if name in rows and rows[name].is_secret]
    checks = [
        wrong(f"{name} is a secret and stands among the settings", f"delete it there, and `make secret NAME={name}`")
        for name in secrets
    ]
    return _finished("the settings of a deployment", [*checks, *check_names(values), *check_values(values)], values)


def _common(values: Mapping[str, str]) -> list[Check]:
    refused = check_values(values)
    named = {name for check in refused for name in _NAMED.findall(check.what)}
    # Vertex AI would look for an account on the network, which the stack does not use.
    usable = {name: value for name, value in values.items() if name not in SET_BY_THE_STACK}
    # What is refused by itself is not named again by what it is part of.
    others = [check for check in check_connections(usable) if not named & set(_NAMED.findall(check.what))]
    return [*refused, *others]


def _finished(subject: str, checks: list[Check], values: Mapping[str, str]) -> list[Check]:
    if not any(check.state == "wrong" for check in checks):
        checks = [ok(f"{subject}: {len(values)} set, every name and value can be read"), *checks]
    return without_secrets(checks, values)
