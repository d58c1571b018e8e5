"""Let Incident CoPilot send as a Gmail user: `make gmail-grant`.

python -m infra.channels.gmail_grant [--env FILE] [--project PROJECT [--environment NAME]] [--timeout SECONDS]

Reads GMAIL_CLIENT_ID and GMAIL_CLIENT_SECRET from .env, prints the page of Google's consent, waits until its owner
agrees, and stores the refresh token: in .env, or with a project as a new version of the secret GMAIL_REFRESH_TOKEN.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

from infra import bundle
from infra.channels.consent import AUTH_URL, Client, Consent, Grant
from infra.deploy import PRODUCTION, DeployFailed, Target, run
from infra.doctor.offline import env_file
from shared import clock
from shared.errors import IncidentCopilotError, Misconfigured
from shared.outbox.mail.gmail import GmailSettings

TIMEOUT_S = 300.0
NEEDED = ("GMAIL_CLIENT_ID", "GMAIL_CLIENT_SECRET")


def print_page(url: str) -> None:
    """Print where the owner of the mailbox agrees."""
    print(f"Open this page on this machine, as the user that sends, and agree:\n\n  {url}\n", flush=True)


def client_of(values: Mapping[str, str], auth_url: str = AUTH_URL) -> Client:
    """Return the client that .env names. Raises Misconfigured naming what is missing."""
    missing = [name for name in NEEDED if name not in values]
    if missing:
        raise Misconfigured(
            f"{' and '.join(missing)} must be in .env: make a client of type desktop app, as infra/README.md says"
        )
    token_url = values.get("GMAIL_TOKEN_URL") or str(GmailSettings.model_fields["gmail_token_url"].default)
    return Client(values[NEEDED[0]], values[NEEDED[1]], token_url, auth_url)


def store_in_file(path: Path, grant: Grant, today: date) -> None:
    """Replace the token, its day and how many it has in a file, which only its owner may read then; no other line."""
    path = path.resolve()
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for name, value in {"GMAIL_REFRESH_TOKEN": grant.refresh_token, **_noted(grant, today)}.items():
        text = _with_line(text, name, value) if value else _without_line(text, name)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".env-")
    try:
        # mkstemp makes a file that its owner alone may read.
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _with_line(text: str, name: str, value: str) -> str:
    line, pattern = f"{name}={value}", re.compile(rf"^(?:export\s+)?{name}\s*=.*$", re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(lambda _: line, text, count=1)
    return f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n"


def _without_line(text: str, name: str) -> str:
    return re.sub(rf"^(?:export\s+)?{name}\s*=.*\n?", "", text, flags=re.MULTILINE)


def store_in_project(target: Target, grant: Grant, today: date) -> None:
    """Add the token as a version of its secret, by standard input alone. Raises DeployFailed."""
    run(target.add_secret_version("GMAIL_REFRESH_TOKEN"), grant.refresh_token)
    print(f"Write under settings in {target.variables.name}, and `make deploy`:")
    for name, value in _noted(grant, today).items():
        print(f'  {name} = "{value}"' if value else f"  no {name}")


def _noted(grant: Grant, today: date) -> dict[str, str]:
    """Return what is noted of a grant beside its token; days are blank for one without an end."""
    return {"GMAIL_GRANTED_AT": today.isoformat(), "GMAIL_GRANT_DAYS": str(grant.days or "")}


def main(arguments: Sequence[str], auth_url: str = AUTH_URL, show_page: Callable[[str], None] = print_page) -> int:
    """Ask for the grant and store it; 1 when there is none. `show_page` gets the address of Google's page."""
    parser = argparse.ArgumentParser(prog="infra.channels.gmail_grant", description="Let Gmail send as a user.")
    parser.add_argument("--env", type=Path, default=bundle.ROOT / ".env", help="file of variables; by default .env")
    parser.add_argument("--project", help="Google Cloud project whose secret gets the token, in place of .env")
    parser.add_argument("--environment", default=PRODUCTION, help="which deployment of the project")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_S, help="seconds to wait for the browser")
    chosen = parser.parse_args(arguments)
    values = env_file.load(chosen.env).values
    try:
        with Consent(client_of(values, auth_url), values.get("GMAIL_USER_EMAIL", "")) as consent:
            show_page(consent.url)
            grant = consent.grant(chosen.timeout)
        today = clock.now().date()
        if chosen.project:
            # The region names no part of a secret.
            store_in_project(Target(chosen.project, "", chosen.environment), grant, today)
        else:
            store_in_file(chosen.env, grant, today)
    except (IncidentCopilotError, DeployFailed) as error:
        print(f"No grant was stored: {error}", file=sys.stderr)
        return 1
    print(f"The grant of {today.isoformat()} is stored in {chosen.project or chosen.env}.")
    if grant.days is not None:
        end = today + timedelta(days=grant.days)
        print(f"It ends on {end.isoformat()}: publish the app on its consent screen, then run this again.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
