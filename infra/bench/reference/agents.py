"""The reference's agents: a chain in which each waits for the one before, with guards and one parallel pair."""

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from google.adk.agents import BaseAgent, LlmAgent, ParallelAgent, SequentialAgent
from google.adk.agents.invocation_context import InvocationContext
from google.adk.events import Event

from infra.bench.reference import tools

HEAVY = os.environ["GEMINI_MODEL_HEAVY"]
LIGHT = os.environ["GEMINI_MODEL_LIGHT"]
State = Mapping[str, Any]


class ConditionalAgent(BaseAgent):
    """Runs its only agent when the answers so far say so."""

    predicate: Callable[[State], bool]

    async def _run_async_impl(self, ctx: InvocationContext) -> AsyncGenerator[Event, None]:
        if self.predicate(ctx.session.state):
            async for event in self.sub_agents[0].run_async(ctx):
                yield event


def _agent(name: str, model: str, task: str, reads: tuple[str, ...], writes: str, *functions: Any) -> LlmAgent:
    """Return an agent; it sees the answers it reads, not what others did, which keeps its prompt small."""
    facts = "".join(f"\n<{key}>{{{key}?}}</{key}>" for key in reads)
    return LlmAgent(
        name=name,
        model=model,
        instruction=f"{task} Answer with one JSON object.{facts}",
        tools=list(functions),
        output_key=writes,
        include_contents="none",
    )


def _is_incident(state: State) -> bool:
    return '"proceed"' in str(state.get("incident"))


def _looks_like_regression(state: State) -> bool:
    return '"code_issue"' in str(state.get("incident"))


def _has_patch(state: State) -> bool:
    return '"files_to_modify"' in str(state.get("solution"))


def root_agent() -> SequentialAgent:
    """Return the whole workflow."""
    detection = _agent(
        "IncidentDetectionAgent",
        HEAVY,
        "Fetch the telemetry of the service in the user's message and say whether this is an incident, how severe, "
        "of which kind, and which function of the code fails.",
        (),
        "incident",
        tools.fetch_telemetry,
    )
    response = SequentialAgent(name="IncidentResponse", sub_agents=[_code_analyzer(), _analysis(), _solution()])
    publishing = _agent(
        "PostProcessAgent",
        LIGHT,
        "Write the brief for the engineers on call and publish it.",
        ("incident", "code_analysis", "rca", "suggestion", "solution", "pull_request"),
        "outcome",
        tools.publish_incident_report,
    )
    guarded = ConditionalAgent(name="ConditionalWorkflow", sub_agents=[response], predicate=_is_incident)
    return SequentialAgent(name="E2EIncidentWorkflow", sub_agents=[detection, guarded, publishing])


def _code_analyzer() -> ConditionalAgent:
    agent = _agent(
        "CodeAnalyzerAgent",
        HEAVY,
        "Search the repository for the failing function, read its file, and say what is wrong with it.",
        ("incident",),
        "code_analysis",
        tools.search_code,
        tools.get_file_contents,
    )
    return ConditionalAgent(name="ConditionalCodeAnalyzer", sub_agents=[agent], predicate=_looks_like_regression)


def _analysis() -> ParallelAgent:
    reads = ("incident", "code_analysis")
    rca = _agent("RCAAgent", LIGHT, "Explain the incident by hypotheses with evidence.", reads, "rca")
    suggestion = _agent("SuggestionAgent", LIGHT, "Suggest what to do now.", reads, "suggestion")
    return ParallelAgent(name="ParallelAnalysis", sub_agents=[rca, suggestion])


def _solution() -> SequentialAgent:
    solution = _agent(
        "SolutionGeneratorAgent",
        HEAVY,
        "Propose mitigations and a patch: the files to modify with their new content.",
        ("incident", "code_analysis", "rca", "suggestion"),
        "solution",
    )
    updater = _agent(
        "FileUpdaterAgent",
        LIGHT,
        "Create a branch for the incident and commit the patch to it.",
        ("solution",),
        "branch",
        tools.create_branch,
        tools.update_file,
    )
    creator = _agent(
        "PRCreatorAgent",
        LIGHT,
        "Open a pull request of the branch.",
        ("solution", "branch"),
        "pull_request",
        tools.create_pull_request,
    )
    executor = SequentialAgent(name="PRExecutor", sub_agents=[updater, creator])
    guarded = ConditionalAgent(name="ConditionalPRExecutor", sub_agents=[executor], predicate=_has_patch)
    return SequentialAgent(name="SolutionAndPRWorkflow", sub_agents=[solution, guarded])
