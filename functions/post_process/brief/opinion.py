"""What a brief says beside its facts; empty where nobody said it."""

from typing import Annotated

from pydantic import Field

from shared.bounds import AtMost, Contract, Line, Url


class BriefWords(Contract):
    """How a model opened the brief, and what code knows of earlier incidents."""

    summary: Annotated[str, AtMost(900)] = Field("", description="A model's sentences; empty without one.")
    seen_before: Line = Field("", description="How often the same rule had a brief before, in a sentence.")
    ended_by_url: Url = Field("", description="Page of the pull request that ended it before.")
