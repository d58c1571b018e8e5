"""The sandbox leads each agent of the reference through its tools, with what its prompt holds."""

import json
from typing import Any

from infra.bench.brief import reference_answers
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import Turn

FRAMES = '  File "/app/shop/app.py", line 3, in handle\n  File "/app/shop/price.py", line 9, in share'
TRACE = f"2026 ERROR [shop] broke\nTraceback\n{FRAMES}"
INCIDENT = {"function": "share", "file": "shop/price.py", "error_summary": "1 of 2", "initial_symptoms": ["broke"]}


def ask(agent: str, facts: dict[str, Any] | None = None, replies: tuple[Any, ...] = ()) -> Turn:
    """Return the next turn of an agent whose prompt holds `facts`, after the tools' `replies`."""
    prompt = "".join(f"<{name}>{json.dumps(value)}</{name}>" for name, value in (facts or {}).items())
    alert = json.dumps({"service_name": "shop", "lookup_window_seconds": 900})
    contents: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": alert}]}]
    for reply in replies:
        body = {"contents": contents, "systemInstruction": _instruction(agent, prompt)}
        contents.append({"role": "model", "parts": reference_answers.answer(ModelRequest("gemini", body)).parts})
        contents.append({"role": "user", "parts": [{"functionResponse": {"name": "tool", "response": reply}}]})
    body = {"contents": contents, "systemInstruction": _instruction(agent, prompt)}
    return reference_answers.answer(ModelRequest("gemini", body))


def _instruction(agent: str, prompt: str) -> dict[str, Any]:
    return {"parts": [{"text": f'You are an agent. Your internal name is "{agent}". {prompt}'}]}


def call_of(turn: Turn) -> tuple[str, dict[str, Any]]:
    """Return the tool that a turn calls, and its arguments."""
    call = turn.parts[0]["functionCall"]
    return call["name"], call["args"]


def text_of(turn: Turn) -> Any:
    """Return the answer of a turn."""
    return json.loads(turn.parts[0]["text"])


def test_detection_fetches_the_lines_and_names_the_innermost_function() -> None:
    """What it answers comes from the lines that the tool returned."""
    lines = {"lines": [TRACE, "2026 INFO [shop] fine"]}

    assert call_of(ask("IncidentDetectionAgent"))[1]["service_name"] == "shop"
    answer = text_of(ask("IncidentDetectionAgent", replies=(lines,)))
    assert (answer["file"], answer["function"], answer["recommendation"]) == ("shop/price.py", "share", "proceed")


def test_code_analyzer_searches_and_reads_before_it_answers() -> None:
    """Three calls in series."""
    facts = {"incident": INCIDENT}
    hits, file = {"paths": ["shop/price.py"]}, {"path": "shop/price.py", "content": "def share(): ..."}

    assert call_of(ask("CodeAnalyzerAgent", facts)) == ("search_code", {"words": "def share"})
    assert call_of(ask("CodeAnalyzerAgent", facts, (hits,))) == ("get_file_contents", {"path": "shop/price.py"})
    assert text_of(ask("CodeAnalyzerAgent", facts, (hits, file)))["problematic_files"][0]["code"] == file["content"]


def test_patch_goes_from_the_solution_into_branch_and_pull_request() -> None:
    """The solution changes the file that was read; updater and creator pass on what they got."""
    files = [{"path": "shop/price.py", "function": "share", "code": "def share(): ..."}]
    solution = text_of(ask("SolutionGeneratorAgent", {"code_analysis": {"problematic_files": files}}))
    name, args = call_of(ask("FileUpdaterAgent", {"solution": solution}, ({"branch": "incident/a"},)))

    assert (name, args["branch"], args["path"]) == ("update_file", "incident/a", "shop/price.py")
    assert args["content"].startswith("def share(): ...\n")
    facts = {"solution": solution, "branch": {"branch": "incident/a"}}
    assert call_of(ask("PRCreatorAgent", facts))[1]["branch"] == "incident/a"


def test_report_is_published_before_the_last_answer() -> None:
    """The mail is a tool's work."""
    name, args = call_of(ask("PostProcessAgent", {"incident": INCIDENT}))

    assert name == "publish_incident_report"
    assert "shop/price.py" in args["body"]


def test_other_prompts_are_answered_as_by_the_agreeable_model() -> None:
    """The system's own agents do not have the reference's names."""
    request = ModelRequest("gemini", {"contents": [{"role": "user", "parts": [{"text": "facts"}]}]})

    assert reference_answers.answer(request).parts == [{"text": "I have seen enough."}]
