"""The text of a brief that a model may write; without a model it is empty and the template fills in."""

from typing import Annotated

from pydantic import Field

from shared.bounds import AtMost, Contract, Line, Url
from shared.contracts import Answer


class BriefOpinion(Contract):
    """The opening of a brief; the model's part of it."""

    summary: Annotated[str, AtMost(900)] = Field(
        "", description="Two to four sentences: harm, likely cause and how sure, what is not known. No advice."
    )


class BriefWords(BriefOpinion, Answer):
    """The opening of a brief, and who wrote it; what is known of earlier incidents is by code alone."""

    seen_before: Line = Field("", description="How often the same rule had a brief before, in a sentence.")
    ended_by_url: Url = Field("", description="Page of the pull request that ended it before.")
