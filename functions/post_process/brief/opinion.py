"""The two texts of a brief that a model may write; without a model they are empty and the template fills in."""

from pydantic import Field

from shared.contracts import Answer, Contract


class BriefOpinion(Contract):
    """The opening of a brief; the model's part of it."""

    headline: str = Field("", max_length=160, description="What is broken, for whom: one line, no full stop.")
    summary: str = Field(
        "", max_length=900, description="Three to five sentences: harm, likely cause, what to do first, how sure."
    )


class BriefWords(BriefOpinion, Answer):
    """The opening of a brief, and who wrote it."""
