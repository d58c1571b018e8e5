"""Times as the reader's clock shows them, with UTC beside: logs and dashboards of a team may be in UTC."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from shared import log
from shared.analysis.series.window import span
from shared.errors import Misconfigured
from shared.settings import Settings

from .model import on_day

DAY = timedelta(days=1)
"""What is longer ago is known by its date."""


class ReaderSettings(Settings):
    """Where the readers of briefs live."""

    brief_timezone: str = Field(
        "UTC",
        description="IANA name of the time zone whose time briefs give beside UTC, for example Europe/Berlin.",
    )

    @field_validator("brief_timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no time zone of this name is known: write an IANA name, such as Europe/Berlin") from None
        return name

    def zone(self) -> tzinfo:
        """Return the time zone."""
        return ZoneInfo(self.brief_timezone)


def zone() -> tzinfo:
    """Return the readers' time zone; UTC, with the reason in the log, where the setting is wrong."""
    try:
        return ReaderSettings.from_env().zone()
    except Misconfigured as error:
        log.error("brief.timezone_misconfigured", error=str(error))
        return UTC


def minute(moment: datetime, where: tzinfo, *others: datetime, has_day: bool = True) -> str:
    """Return day and minute by the reader's clock, with the zone's name and UTC; the year where it could be misread."""
    local = moment.astimezone(where)
    day = f"{on_day(local, *others)} " if has_day else ""
    if not local.utcoffset():
        return f"{day}{moment:%H:%M} UTC"
    utc_day = f"{moment:%d %b} " if has_day and moment.date() != local.date() else ""
    return f"{day}{local:%H:%M} {local:%Z} ({utc_day}{moment:%H:%M} UTC)"


def short(moment: datetime, where: tzinfo) -> str:
    """Return the minute alone, for a sentence that has named the zone."""
    return f"{moment.astimezone(where):%H:%M}"


def second(moment: datetime, where: tzinfo) -> str:
    """Return the second, as logs write it, and UTC where the reader's clock differs."""
    local = moment.astimezone(where)
    return f"{moment:%H:%M:%S} UTC" if not local.utcoffset() else f"{local:%H:%M:%S} ({moment:%H:%M:%S} UTC)"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago it was; an empty text where its date says it better."""
    return f"{span(now - moment)} ago" if timedelta() <= now - moment < DAY else ""
