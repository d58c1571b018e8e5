"""Once an hour: whether the mail account still takes its credentials, before an incident needs it."""

from collections.abc import Callable
from datetime import date, timedelta

from pydantic import Field

from shared import clock, log
from shared.errors import IncidentCopilotError, Throttled, Unavailable
from shared.outbox.port import Mailer, SignsIn
from shared.settings import Settings
from shared.traces.port import TraceStore

PAUSE = timedelta(hours=1)
NOTICE = timedelta(days=2)
"""How long before its end a grant is named: those of an app in Testing live seven days, so from the fifth on."""


class GrantSettings(Settings):
    """When a user's grant of Gmail ends."""

    gmail_granted_at: date | None = Field(
        None, description="Day of the grant, as `make gmail-grant` writes it; named where it is checked or refused."
    )
    gmail_grant_days: int | None = Field(
        None,
        ge=1,
        le=3650,
        description="Days that the grant lasts, 7 for an app in Testing, as `make gmail-grant` writes; unset: no end.",
    )

    @property
    def end(self) -> date | None:
        """The day it ends; None where it has no end that is known."""
        if self.gmail_granted_at is None or self.gmail_grant_days is None:
            return None
        return self.gmail_granted_at + timedelta(days=self.gmail_grant_days)


def check_mail(store: TraceStore, connect: Callable[[], Mailer | None], holder: str) -> None:
    """
    Sign in to the mail account and send nothing; the log says when it is refused or its grant ends soon.

    Raises what the store raises. `holder` is of this sweep alone: the lease lets one sweep of an hour ask.
    """
    now = clock.now()
    if store.claim("mail-check", holder, now + PAUSE).holder != holder:
        return
    try:
        end = GrantSettings.from_env().end
        if end is not None and end - now.date() <= NOTICE:
            log.warning("sweeper.grant_ending", ends=end.isoformat())
        mailer = connect()
        if isinstance(mailer, SignsIn):
            mailer.sign_in()
    except (Throttled, Unavailable) as error:
        log.warning("sweeper.mail_unchecked", error_type=type(error).__name__, error=str(error))
    except IncidentCopilotError as error:
        log.error("sweeper.mail_refused", error_type=type(error).__name__, error=str(error))
