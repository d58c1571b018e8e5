"""The table of steps: one row for each function that the workflow runs for an incident.

Everything that is said per step is read from here: contracts, the name in the trace, words for people, model and time.
A new step needs one row, its folder under functions/ and its place in workflows/incident.workflows.yaml.
"""

from dataclasses import dataclass

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
    StepRequest,
    SuggestionRequest,
    Suggestions,
)
from shared.model.port import Tier


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
    failure_means: str
    """What its failure means for the reader of the brief."""
    model: ModelUse | None = None
    """None for a step that never asks a model."""


INCIDENT_DETECTION = StepRow(
    name="incident_detection",
    agent="IncidentDetectionAgent",
    label="Detect the incident",
    request=DetectionRequest,
    answer=Incident,
    field="incident",
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
    failure_means="The list of what to do now is shorter than it could be.",
    model=ModelUse("light", 60),
)
CODE_ANALYZER = StepRow(
    name="code_analyzer",
    agent="CodeAnalyzerAgent",
    label="Read the code",
    request=CodeAnalysisRequest,
    answer=CodeAnalysis,
    field="code_analysis",
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
    failure_means="The patch was not put on a branch.",
)
PR_CREATOR = StepRow(
    name="pr_creator",
    agent="PRCreatorAgent",
    label="Draft the pull request",
    request=PullRequestRequest,
    answer=PullRequest,
    field="pull_request",
    failure_means="There is no pull request; the branch may exist.",
)
POST_PROCESS = StepRow(
    name="post_process",
    agent="PostProcessAgent",
    label="Publish the brief",
    request=PostProcessRequest,
    answer=Outcome,
    field=None,
    failure_means="An earlier attempt to send this failed, so it comes late.",
    # The mail waits for the headline, which is not worth a long wait.
    model=ModelUse("light", 20),
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

BY_NAME = {row.name: row for row in STEPS}
BY_AGENT = {row.agent: row for row in STEPS}
