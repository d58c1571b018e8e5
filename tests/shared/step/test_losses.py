"""What a failure costs the reader, and why it happened."""

import pytest

from shared.channels import CHANNELS
from shared.contracts import Failure
from shared.step import steps
from shared.step.losses import degradations, loss, why


@pytest.mark.parametrize("name", [row.name for row in (*steps.STEPS, *CHANNELS)])
def test_each_step_and_channel_is_named_by_what_the_reader_loses(name: str) -> None:
    """A sentence of its own, without the name of a function."""
    sentence = loss(Failure(step=name, error_type="Unavailable", message="no answer"))

    assert sentence.endswith(".")
    assert sentence != loss(Failure(step="a step of another release"))
    assert name == "mail" or "_" not in name or name not in sentence


@pytest.mark.parametrize(
    ("message", "lacks", "reason"),
    [
        ("Logs are missing: Loki did not answer", "Logs are missing.", "Loki did not answer"),
        (
            "The repository could not be read (Refused: GitHub answered 404).",
            "The repository could not be read.",
            "Refused: GitHub answered 404.",
        ),
        ("The model failed (BadAnswer: no JSON); rules answered.", "The model failed.", "BadAnswer: no JSON); rules"),
        ("", "A part of the investigation is missing.", ""),
    ],
)
def test_degradation_is_split_into_loss_and_reason(message: str, lacks: str, reason: str) -> None:
    """The reader meets the loss first, the details of it below."""
    failure = Failure(step="rca", error_type="degraded", message=message)

    assert loss(failure) == lacks
    assert why(failure).startswith(reason)


def test_each_source_that_an_answer_had_to_do_without_is_one_loss() -> None:
    """Two stores that are down are two losses, though one answer lacked both."""
    degraded = "Logs are missing: Loki did not answer; Metrics are missing: Prometheus answered 500; twice"

    assert [loss(one) for one in degradations("incident_detection", degraded)] == [
        "Logs are missing.",
        "Metrics are missing.",
    ]
    assert degradations("rca", "") == []
