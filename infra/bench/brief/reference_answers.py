"""What the model sandbox answers the reference's agents, from their prompts; the system's own get `agreeable`'s."""

import json
import re
import secrets
from collections.abc import Callable
from typing import Any

from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import Turn, agreeable, calling, text_turn

# ADK states an agent's name in its instruction.
_NAME = re.compile(r'internal name is "(\w+)"')
_FRAME = re.compile(r'File "/app/([^"]+)", line \d+, in (\w+)')
MAX_SYMPTOMS = 3


def answer(request: ModelRequest) -> Turn:
    """Answer one call, of the system or of the reference."""
    name = _NAME.search(_instruction(request))
    return AGENTS[name[1]](request) if name else agreeable(request)


def _detect(request: ModelRequest) -> Turn:
    if not request.turns:
        alert = json.loads(request.body["contents"][0]["parts"][0]["text"])
        window = {name: alert[name] for name in ("service_name", "lookup_window_seconds")}
        return calling(("fetch_telemetry", window))
    lines = _response(request)["lines"]
    failing = [line for line in lines if " ERROR " in line]
    frames = [_FRAME.findall(line)[-1] for line in failing if _FRAME.search(line)]
    path, function = frames[0] if frames else ("", "")
    symptoms = [line.splitlines()[0] for line in failing[:MAX_SYMPTOMS]]
    verdict = {"incident_detected": True, "recommendation": "proceed", "severity": "critical"}
    summary = f"{len(failing)} of {len(lines)} lines are errors"
    return text_turn(
        {
            **verdict,
            "incident_type_hint": "code_issue",
            "initial_symptoms": symptoms,
            "file": path,
            "function": function,
            "error_summary": summary,
            "reasoning": f"{summary}, and the last frame of each trace is in {function} of {path}.",
        }
    )


def _analyze(request: ModelRequest) -> Turn:
    incident = _fact(request, "incident")
    if request.turns == 0:
        return calling(("search_code", {"words": f"def {incident['function']}"}))
    if request.turns == 1:
        return calling(("get_file_contents", {"path": _response(request)["paths"][0]}))
    place = _response(request)
    summary = f"{incident['function']} fails for some orders; {incident['error_summary']}."
    return text_turn(
        {
            "problematic_files": [{"path": place["path"], "function": incident["function"], "code": place["content"]}],
            "analysis_summary": summary,
            "suggested_fix_locations": [place["path"]],
        }
    )


def _explain(request: ModelRequest) -> Turn:
    incident = _fact(request, "incident")
    cause = f"{incident['function']} in {incident['file']} does not handle an empty order."
    quotes = incident["initial_symptoms"]
    causes = [{"hypothesis": cause, "confidence": 0.8, "evidence": quotes, "affected_components": [incident["file"]]}]
    return text_turn({"root_causes": causes, "most_likely": cause, "unknowns": []})


def _advise(request: ModelRequest) -> Turn:
    file = _fact(request, "incident")["file"]
    steps = ["Roll back to the release before.", "Watch the ratio of errors."]
    suggestion = {"type": "rollback", "description": f"Roll back what changed {file}.", "steps": steps, "priority": 1}
    return text_turn({"suggestions": [suggestion], "recommended_action": suggestion["description"]})


def _solve(request: ModelRequest) -> Turn:
    file = _fact(request, "code_analysis")["problematic_files"][0]
    content = f"{file['code']}\n# To do: handle an empty order in {file['function']}.\n"
    patch = {"files_to_modify": [{"path": file["path"], "content": content}], "rollback_plan": "Revert the commit."}
    words = f"Handle an empty order in {file['function']}"
    return text_turn({"recommended_solution": words, "mitigations": ["Roll back."], "patch": patch})


def _update(request: ModelRequest) -> Turn:
    solution = _fact(request, "solution")
    if request.turns == 0:
        return calling(("create_branch", {"branch": f"incident/reference-{_fresh()}"}))
    if request.turns == 1:
        file = solution["patch"]["files_to_modify"][0]
        args = {"branch": _response(request)["branch"], "message": solution["recommended_solution"], **file}
        return calling(("update_file", args))
    first = request.body["contents"]
    branch = next(part["functionCall"]["args"]["branch"] for turn in first for part in turn["parts"] if _calls(part))
    return text_turn({"status": "success", "branch": branch, "commit": _response(request)["commit"]})


def _open(request: ModelRequest) -> Turn:
    if request.turns == 0:
        solution, branch = _fact(request, "solution"), _fact(request, "branch")
        title = solution["recommended_solution"]
        return calling(("create_pull_request", {"branch": branch["branch"], "title": title, "body": title}))
    pull = _response(request)
    return text_turn({"status": "success", "pr_number": pull["number"], "pr_url": pull["url"]})


def _publish(request: ModelRequest) -> Turn:
    if request.turns == 0:
        parts = {name: _fact(request, name) for name in ("incident", "rca", "suggestion", "pull_request")}
        body = json.dumps(parts, indent=1)
        return calling(("publish_incident_report", {"subject": "[reference] Incident report", "body": body}))
    return text_turn({"status": "published", **_response(request)})


AGENTS: dict[str, Callable[[ModelRequest], Turn]] = {
    "IncidentDetectionAgent": _detect,
    "CodeAnalyzerAgent": _analyze,
    "RCAAgent": _explain,
    "SuggestionAgent": _advise,
    "SolutionGeneratorAgent": _solve,
    "FileUpdaterAgent": _update,
    "PRCreatorAgent": _open,
    "PostProcessAgent": _publish,
}


def _instruction(request: ModelRequest) -> str:
    parts = request.body.get("systemInstruction", {}).get("parts", [])
    return "".join(part.get("text", "") for part in parts)


def _fact(request: ModelRequest, name: str) -> Any:
    """Return an earlier answer that the prompt holds."""
    match = re.search(rf"<{name}>(.*?)</{name}>", _instruction(request), re.DOTALL)
    return json.loads(match[1]) if match and match[1] else {}


def _response(request: ModelRequest) -> Any:
    """Return what the newest tool call answered."""
    return request.body["contents"][-1]["parts"][0]["functionResponse"]["response"]


def _calls(part: dict[str, Any]) -> bool:
    return bool(part.get("functionCall", {}).get("name") == "create_branch")


def _fresh() -> str:
    return secrets.token_hex(6)
