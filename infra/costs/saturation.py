"""Which limit many incidents reach first: what one used when it was counted, against the documented quotas."""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.costs import counted
from shared.admission.settings import BrakeSettings

MINUTE, HOUR, DAY = 1 / 60, 1.0, 24.0
GITHUB = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
GMAIL = "https://developers.google.com/workspace/gmail/api/reference/quota"
GEMINI = "https://ai.google.dev/gemini-api/docs/rate-limits"
SEND_UNITS = 100
"""Of Gmail's quota for one message sent."""
HEAVY = "gemini-3.8-flash"


@dataclass(frozen=True)
class Limit:
    """A quota: so many units in so many hours, of which one incident uses some."""

    of: str
    limit: float
    unit: str
    hours: float
    used: float
    source: str

    @property
    def an_hour(self) -> float:
        """How many incidents an hour it lets through, for as long as one likes."""
        return self.limit / self.used / self.hours


def limits() -> list[Limit]:
    """Return every limit that incidents on the full path reach, the first one first."""
    used = counted.paths()["full"]
    return sorted([*_own(used), *_of_others(used), *_of_google(used)], key=lambda limit: limit.an_hour)


def _own(used: dict[str, int]) -> Iterator[Limit]:
    brakes = BrakeSettings()
    yield Limit("`INVESTIGATIONS_PER_HOUR`, a brake", brakes.investigations_per_hour, "incidents", HOUR, 1, "a setting")
    mails = brakes.mails_per_recipient_per_hour
    yield Limit("`MAILS_PER_RECIPIENT_PER_HOUR`, a brake", mails, "mails", HOUR, used["mails"], "a setting")


def _of_others(used: dict[str, int]) -> Iterator[Limit]:
    requests = used["github_reads"] - used["github_searches"] + used["github_writes"]
    yield Limit("GitHub, a token's requests", 5_000, "requests", HOUR, requests, GITHUB)
    search = "https://docs.github.com/rest/search/search"
    yield Limit("GitHub, searches of code", 10, "requests", MINUTE, used["github_searches"], search)
    yield Limit("GitHub, content created in an hour", 500, "requests", HOUR, used["github_writes"], GITHUB)
    yield Limit("GitHub, content created in a minute", 80, "requests", MINUTE, used["github_writes"], GITHUB)
    workspace = "https://support.google.com/a/answer/166852"
    yield Limit("Gmail, a user of Workspace", 2_000, "mails", DAY, used["mails"], workspace)
    yield Limit("Gmail, a user's rate", 6_000, "units", MINUTE, used["mails"] * SEND_UNITS, GMAIL)


def _of_google(used: dict[str, int]) -> Iterator[Limit]:
    tokens = used[f"tokens in of {HEAVY}"]
    yield Limit("Gemini, requests in a minute", 1_000, "requests", MINUTE, used[f"calls of {HEAVY}"], GEMINI)
    yield Limit("Gemini, requests in a day", 10_000, "requests", DAY, used[f"calls of {HEAVY}"], GEMINI)
    yield Limit("Gemini, tokens in a minute", 1_000_000, "tokens", MINUTE, tokens, GEMINI)
    workflows = "https://docs.cloud.google.com/workflows/quotas"
    yield Limit("Workflows, executions created", 6_000, "executions", MINUTE, 1, workflows)
    operations = used["firestore_reads"] + used["firestore_writes"]
    firestore = "https://docs.cloud.google.com/firestore/docs/best-practices"
    yield Limit("Firestore, a new collection's first minutes", 30_000, "operations", MINUTE, operations, firestore)


def table() -> str:
    """Return the limits as a table of Markdown."""
    head = "| limit | documented | one incident uses | incidents an hour | source |\n|---|---|--:|--:|---|"
    return "\n".join([head, *(_row(limit) for limit in limits())])


def _row(limit: Limit) -> str:
    span = {MINUTE: "a minute", HOUR: "an hour", DAY: "a day"}[limit.hours]
    source = f"[page]({limit.source})" if limit.source.startswith("http") else limit.source
    return (
        f"| {limit.of} | {limit.limit:,.0f} {limit.unit} {span} | {limit.used:,.0f} | {limit.an_hour:,.0f} | {source} |"
    )
