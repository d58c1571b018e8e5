"""Every channel of the table is delivered."""

from functions.post_process.deliveries import DELIVERIES
from shared.channels import CHANNELS


def test_every_channel_has_its_delivery() -> None:
    """A row without a delivery would fail in the hour of an incident."""
    assert list(DELIVERIES) == [channel.name for channel in CHANNELS]
