"""How alerts are coalesced, and what one hour may bring at most."""

from datetime import timedelta

from pydantic import Field

from shared.settings import Settings


class CoalescingSettings(Settings):
    """When alerts of one service belong together; both in seconds."""

    merge_window_seconds: int = Field(
        1800,
        ge=0,
        le=86_400,
        description="For so long after its brief, further alerts of a service are updates of it; 0 merges nothing.",
    )
    flap_hold_seconds: int = Field(
        120,
        ge=0,
        le=3600,
        description="Updates and resolutions are held so long: what ends within it is not sent, the rest is one mail.",
    )

    @property
    def window(self) -> timedelta:
        """How long after its publication an incident takes further alerts of its service."""
        return timedelta(seconds=self.merge_window_seconds)

    @property
    def hold(self) -> timedelta:
        """How long an update is held."""
        return timedelta(seconds=self.flap_hold_seconds)


class BrakeSettings(Settings):
    """What may happen in any hour; what is over it is held, and listed in one message."""

    investigations_per_service_per_hour: int = Field(
        6, ge=1, le=10_000, description="Investigations of one service in any hour; further ones are held."
    )
    investigations_per_hour: int = Field(
        30,
        ge=2,
        le=10_000,
        description="Investigations in any hour; further ones are held, and the most severe go first.",
    )
    mails_per_recipient_per_hour: int = Field(
        40,
        ge=4,
        le=10_000,
        description="Mails to each engineer in any hour: briefs, updates and lists of what is held.",
    )
    tests_per_hour: int = Field(
        10, ge=1, le=1_000, description="Test alerts answered in any hour; further ones are held and listed."
    )
