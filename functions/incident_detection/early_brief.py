"""Decides whether people get what was read before anybody judges it."""

from pydantic import Field

from shared.contracts import Incident
from shared.settings import Settings

_SEVERITY = "(critical|high|medium|low)"


class EarlyBriefSettings(Settings):
    """For which severities an early brief goes out."""

    early_brief: str = Field(
        "critical,high",
        pattern=rf"^(off|all|{_SEVERITY}(,{_SEVERITY})*)$",
        description="Severities of which the facts go out before any model is asked, the full brief following in the "
        "same thread: for example critical,high; all; off.",
    )

    def has(self, severity: str) -> bool:
        """Return whether an incident of a severity gets an early brief."""
        return self.early_brief == "all" or severity in self.early_brief.split(",")


def is_sent_early(facts: Incident) -> bool:
    """Return whether these facts are worth a message of their own: the rules see harm that is severe enough."""
    is_harm = facts.verdict == "incident" and facts.needs_response
    return is_harm and EarlyBriefSettings.from_env().has(facts.severity)
