"""The table of steps: one row for each function that the workflow runs for an incident.

Everything that is said per step is read from here: contracts, the name in the trace, words for people, model and time.
A new step needs one row, its folder under functions/ and its place in workflows/incident.workflows.yaml.
"""

from dataclasses import dataclass
from typing import Literal

from shared.bounds import Contract
from shared.contracts import (
    Branch,
    CodeAnalysis,
    CodeAnalysisRequest,
    DetectionRequest,
    FileUpdateRequest,
    Incident,
    Outcome,
    PostProcessRequest,
    PullRequest,
    PullRequestRequest,
    RootCauseRequest,
    RootCauses,
    Solution,
    SolutionRequest,
    StagedRequest,
    StepRequest,
    SuggestionRequest,
    Suggestions,
)
from shared.model.port import Tier

READ = "read"
"""The stage at which a step reads, and judges by rules, before any model is asked: the telemetry, then the code."""
READ_WITHIN_S = 90
"""How long the workflow waits for it: reading and storing the trace at their worst, and the sources' own timeouts."""
CODE_READ_WITHIN_S = 30
"""How long it waits for the code: a judgement often takes as long, and what comes after both waits for both."""
EARLY = "early"
"""The stage at which people get these facts, before anything is concluded from them."""
EARLY_WITHIN_S = 20
"""How long the workflow waits for that: what is not out by then goes out while the judging begins."""
APPROVED = "approved"
"""The stage at which a step runs a second time, after a person approved."""
DECLINED = "declined"
"""The stage at which people learn that nobody approved."""
WAIT_MARGIN_S = 5
"""How much longer than its budget the workflow waits for a step: until the platform has ended it and said so."""
HELD = "held"
"""The stage at which the message is published that an incident carries about held alerts."""
MAIL_AGAIN = "mail-"
"""How the stages begin at which the mail of a published brief is sent again; the number of the attempt follows."""

UPDATE = "update-"
"""How the stages begin at which an update of a published brief is sent; the number of the attempt follows."""


@dataclass(frozen=True)
class ModelUse:
    """Which tier of models a step asks, and for how long all its calls together may take, in seconds."""

    tier: Tier
    timeout_s: float


@dataclass(frozen=True)
class StepRow:
    """One step of the workflow."""

    name: str
    """Its folder, its entry point, and the workflow's variable for its URL."""
    agent: str
    """Its name in the trace."""
    label: str
    """What it does, for people."""
    request: type[StepRequest]
    answer: type[Contract]
    field: str | None
    """The field of later requests that its answer fills; None for the last step."""
    budget_s: int
    """
    Seconds in which it answers: its function ends by then, and the workflow waits WAIT_MARGIN_S longer.

    A model has what reading and storing the trace leave of it. The longest path ends before the sweeper's deadline.
    """
    failure_means: str
    """What its failure means for the reader of the brief."""
    model: ModelUse | None = None
    """None for a step that never asks a model."""
    writes: Literal["code", "outcome"] | None = None
    """What it writes outside; such a step believes the incident's trace alone and takes no inline inputs."""

    @property
    def is_staged(self) -> bool:
        """Whether it runs a second time when a person approves."""
        return issubclass(self.request, StagedRequest) and self.field is not None

    def run_name(self, stage: str) -> str:
        """Return the name of one of its runs in the trace."""
        return f"{self.agent}-{stage}" if stage else self.agent

    def run_read_at(self, stage: str) -> str:
        """Return the name of the run whose answer another step reads at a stage."""
        return self.run_name(stage if stage == APPROVED and self.is_staged else "")


INCIDENT_DETECTION = StepRow(
    name="incident_detection",
    agent="IncidentDetectionAgent",
    label="Detect the incident",
    request=DetectionRequest,
    answer=Incident,
    field="incident",
    budget_s=150,
    failure_means="Logs and metrics were not judged: severity and symptoms are only what the alert says.",
    model=ModelUse("heavy", 90),
)
RCA = StepRow(
    name="rca",
    agent="RCAAgent",
    label="Find the cause",
    request=RootCauseRequest,
    answer=RootCauses,
    field="root_causes",
    budget_s=130,
    failure_means="Causes were not ranked: read the evidence yourself.",
    model=ModelUse("light", 60),
)
SUGGESTION = StepRow(
    name="suggestion",
    agent="SuggestionAgent",
    label="Suggest what to do now",
    request=SuggestionRequest,
    answer=Suggestions,
    field="suggestions",
    budget_s=130,
    failure_means="The list of what to do now is shorter than it could be.",
    model=ModelUse("light", 60),
)
CODE_ANALYZER = StepRow(
    name="code_analyzer",
    agent="CodeAnalyzerAgent",
    label="Find the code at fault",
    request=CodeAnalysisRequest,
    answer=CodeAnalysis,
    field="code_analysis",
    budget_s=190,
    failure_means="The code was not read, or not all of it: no failing lines, suspect commit or patch to rely on.",
    model=ModelUse("heavy", 100),
)
SOLUTION_GENERATOR = StepRow(
    name="solution_generator",
    agent="SolutionGeneratorAgent",
    label="Work out a fix",
    request=SolutionRequest,
    answer=Solution,
    field="solution",
    budget_s=160,
    failure_means="No fix was worked out, so no pull request could be drafted.",
    model=ModelUse("heavy", 90),
)
FILE_UPDATER = StepRow(
    name="file_updater",
    agent="FileUpdaterAgent",
    label="Put the fix on a branch",
    request=FileUpdateRequest,
    answer=Branch,
    field="branch",
    budget_s=110,
    failure_means="No branch with the patch is confirmed; it may exist.",
    writes="code",
)
PR_CREATOR = StepRow(
    name="pr_creator",
    agent="PRCreatorAgent",
    label="Draft the pull request",
    request=PullRequestRequest,
    answer=PullRequest,
    field="pull_request",
    budget_s=110,
    failure_means="No pull request is confirmed; the branch, or even a pull request, may exist.",
    writes="code",
)
POST_PROCESS = StepRow(
    name="post_process",
    agent="PostProcessAgent",
    label="Publish the brief",
    request=PostProcessRequest,
    answer=Outcome,
    field=None,
    budget_s=120,
    failure_means="An earlier attempt to send this failed, so it comes late.",
    writes="outcome",
)

STEPS = (
    INCIDENT_DETECTION,
    RCA,
    SUGGESTION,
    CODE_ANALYZER,
    SOLUTION_GENERATOR,
    FILE_UPDATER,
    PR_CREATOR,
    POST_PROCESS,
)
"""Every step, in the order in which an incident passes them."""

FACTS = INCIDENT_DETECTION.run_name(READ)
"""The run whose answer holds what was read."""

BY_NAME = {row.name: row for row in STEPS}
BY_AGENT = {row.agent: row for row in STEPS}


def of_run(name: str) -> StepRow | None:
    """Return the step of a run by the run's name in the trace, or None."""
    return BY_AGENT.get(name) or BY_AGENT.get(name.partition("-")[0])


_LABELS = {
    FACTS: "Read the telemetry",
    CODE_ANALYZER.run_name(READ): "Read the code",
    POST_PROCESS.run_name(EARLY): "Send the first facts",
}


def label_of(name: str) -> str:
    """Return what a run does, for people, by the run's name in the trace."""
    row = of_run(name)
    return _LABELS.get(name) or (row.label if row else name)


def attempt_of(stage: str, kind: str) -> int:
    """Return the number of the attempt at a stage of this kind, MAIL_AGAIN or UPDATE; 0 at any other stage."""
    return int(stage.removeprefix(kind)) if stage.startswith(kind) else 0
