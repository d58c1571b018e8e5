"""Each answer in one line, for an engineer who looks at the execution in the Cloud Console."""

from functools import singledispatch

from shared.contracts import (
    Branch,
    CodeAnalysis,
    Incident,
    Outcome,
    PullRequest,
    RootCauses,
    Solution,
    Suggestions,
)


@singledispatch
def headline(answer: object) -> str:
    """Return the line. Raises TypeError for what is no answer of a step."""
    raise TypeError(f"{type(answer).__name__} has no headline: register one in shared/step/headlines.py")


@headline.register
def _incident(answer: Incident) -> str:
    kind = answer.incident_type_hint.replace("_", " ")
    if answer.verdict == "cannot_tell":
        return _line(f"cannot tell, {answer.severity}", answer.missing[0] if answer.missing else "")
    if answer.verdict == "healthy":
        return _line("no response needed", answer.health[0] if answer.health else "")
    since = f" since {answer.onset:%H:%M:%S} UTC" if answer.onset else ""
    symptom = answer.initial_symptoms[0] if answer.initial_symptoms else ""
    return _line(f"{answer.severity} incident, {kind}{since}", symptom)


@headline.register
def _root_causes(answer: RootCauses) -> str:
    if not answer.root_causes:
        return "no cause found"
    best = answer.root_causes[0]
    return _line(f"{round(best.confidence * 100)} %", best.hypothesis)


@headline.register
def _suggestions(answer: Suggestions) -> str:
    return _line(f"{len(answer.suggestions)} suggestions", answer.recommended_action)


@headline.register
def _code_analysis(answer: CodeAnalysis) -> str:
    if not answer.code_available:
        return _line("the code was not read", answer.degraded or "")
    places = [f"{place.path}:{place.line_start}" for place in answer.problematic_files[:1]]
    suspects = [f"suspect {commit.sha[:12]} {commit.subject}" for commit in answer.suspect_commits[:1]]
    return _line(", ".join([*places, *suspects]) or "no place in the code found", "")


@headline.register
def _solution(answer: Solution) -> str:
    patch = answer.patch
    verdict = f"a {patch.strategy} of {len(patch.files_to_modify)} files" if patch else "no patch"
    return _line(verdict, answer.patch_withheld or answer.recommended_solution)


@headline.register
def _branch(answer: Branch) -> str:
    return _line(f"branch {answer.branch or 'none'}, {answer.status}", answer.message)


@headline.register
def _pull_request(answer: PullRequest) -> str:
    number = f"pull request #{answer.pr_number}" if answer.pr_number else "no pull request"
    return _line(f"{number}, {answer.status}", answer.pr_url or answer.message)


@headline.register
def _outcome(answer: Outcome) -> str:
    others = [f"{name} {status}" for name, status in answer.deliveries.items() if status != "off"]
    others = [words for words in others if words.split()[0] not in ("mail", "hook", "archive")]
    statuses = [f"mail {answer.mail_status}", f"hook {answer.hook_status}", *others]
    return _line(f"published: {answer.kind}", ", ".join(statuses))


def _line(verdict: str, detail: str) -> str:
    return " ".join(f"{verdict}: {detail}".removesuffix(": ").split())
