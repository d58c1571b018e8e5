"""Whether a person has to see a change before it is on any branch, where CI may run it with secrets."""

from pydantic import Field

from shared.analysis import grounds
from shared.code_host.port import CodeReader
from shared.contracts import FileUpdateRequest, Patch
from shared.pull_request import approval
from shared.settings import Settings

from .branch_history import UNSEEN, brings_what_was_never_there


class LogsAlone(Settings):
    """Whether log text alone is enough for a draft."""

    pr_on_logs_alone: bool = Field(
        False,
        description="Draft an exact revert also where log text alone shows the failure: only for services whose every "
        "logger escapes line ends, because who uses the others can write such lines.",
    )


def why_a_person(request: FileUpdateRequest, patch: Patch, reverts: str | None, reader: CodeReader, head: str) -> str:
    """
    Return why a person has to see the change first, in sentences; an empty text where nobody has.

    `reverts` is the commit that the change was checked to be the exact revert of, at `head`. Raises Misconfigured, and
    what the reader raises.
    """
    if reverts is None and patch.strategy == "revert":
        return "It is not the exact revert of a suspect commit that it is said to be, so it counts as a model's own."
    if reverts is None:
        return "A model wrote this change."
    if brings_what_was_never_there(reader, reverts, head):
        return UNSEEN
    incident = request.incident
    doubt = grounds.doubt(incident, request.code_analysis) if incident else grounds.TEXT_ALONE
    if doubt and (incident is None or incident.doubtful_ids or not LogsAlone.from_env().pr_on_logs_alone):
        return doubt
    return "PR_MODE is approval." if approval.mode() == "approval" else ""
