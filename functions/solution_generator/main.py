"""SolutionGeneratorAgent: turns cause and code into mitigations and, where one is certain, a patch."""

from dataclasses import replace
from pathlib import Path

from shared.agent import answer_checks
from shared.agent.agent import Agent
from shared.agent.claim_checks import GroundingContext
from shared.analysis.advice import templates
from shared.analysis.solution.solve import solve
from shared.code_host import reader as code_reader
from shared.code_host.port import CodeReader
from shared.contracts import FixOpinion, Solution, SolutionOpinion, SolutionRequest
from shared.errors import IncidentCopilotError
from shared.step import recorder, steps, waking
from shared.step.step import step

from .validate_model_patch import decided
from .withhold_credential_patch import without_secrets

AGENT = Agent[Solution](steps.SOLUTION_GENERATOR, Path(__file__).with_name("prompt.md"), SolutionOpinion)
waking.on_wake("code host", code_reader.load)


@step
def solution_generator(request: SolutionRequest) -> Solution:
    """Return mitigations, and a patch only when it is exact and one commit or one place explains the failure."""
    names = ("incident", "code_analysis", "root_causes", "suggestions")
    facts = {name: getattr(request, name) for name in names}
    offline, reader = _solve(request)

    def check(refined: Solution, context: GroundingContext) -> tuple[Solution, list[str]]:
        checked, drops = answer_checks.solution(refined, offline, context)
        whole, refused = decided(checked, offline, request, reader, context)
        return whole, drops + refused

    # An exact revert is kept, so the model is not asked for another patch.
    asks_for_fix = offline.patch is None and reader is not None
    agent = replace(AGENT, opinion=FixOpinion) if asks_for_fix else AGENT
    return without_secrets(agent.refine(request.incident_id, offline, facts, check))


def _solve(request: SolutionRequest) -> tuple[Solution, CodeReader | None]:
    code = request.code_analysis
    all_templates, problem = templates.configured()
    if code is None or not code.code_available:
        return solve(request, None, all_templates).replace(degraded=problem), None
    try:
        reader = code_reader.connect(code.repo)
        with recorder.tool("read_repository", repo=code.repo, commit=code.commit) as call:
            solution = solve(request, reader, all_templates)
            call.result = solution.patch_withheld or "a patch was made"
    except IncidentCopilotError as error:
        reason = f"The repository could not be read ({type(error).__name__}: {error}), so there is no patch."
        unread = solve(request, None, all_templates)
        return unread.replace(degraded="; ".join(filter(None, (problem, reason))), patch_withheld=reason), None
    return solution.replace(degraded=problem), reader
