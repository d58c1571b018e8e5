"""Each rule of the checker on a small wrong workflow, and none of them on right ones."""

import json
import textwrap
from pathlib import Path

import pytest

from infra import bundle
from infra.workflow_checks import Finding, check
from infra.workflow_checks.contracts import Contracts, read

CONFORMANCE = bundle.ROOT.parent / "shared" / "workflows-conformance"
FILES = sorted(CONFORMANCE.glob("*.workflows.yaml")) if CONFORMANCE.is_dir() else []
WORKFLOW = bundle.ROOT / "workflows" / "incident.workflows.yaml"
NO_CONTRACTS = Contracts()

LANGUAGE = [
    ("- a: {retrun: 1}", 1, "unknown or misplaced key 'retrun'"),
    ("- a: {return: 1}\n- b: [", 2, "no YAML"),
    ("- a:\n    assign: [{x: '${nosuch.fn(1)}'}]", 1, "no function or subworkflow 'nosuch.fn'"),
    ("- a: {call: nosuch}", 1, "no function or subworkflow 'nosuch'"),
    ("- a: {call: googleapis.pubsub.publish}", 1, "no function or subworkflow 'googleapis.pubsub.publish'"),
    ("- a: {call: http.get, args: {url: x, bdy: 1}}", 1, "'http.get' has no parameter bdy"),
    ("- a: {call: http.get}", 1, "'http.get' needs url"),
    ("- a: {assign: [{x: 1}], next: nowhere}", 1, "'next: nowhere' leads nowhere"),
    ("- a: {assign: [{x: 1}]}\n- a: {return: 1}", 2, "two steps are named 'a'"),
    ("- a: {steps: [{b: {assign: [{x: 1}]}}]}\n- b: {return: 1}", 1, "name of the step at line"),
    ("- a: {return: '${x}'}", 1, "reads the variable 'x', but nothing assigns it"),
    (
        "- a: {for: {value: v, in: [1], steps: [{b: {assign: [{x: 1}]}}]}}\n- c: {return: '${x}'}",
        2,
        "local to the loop",
    ),
    (
        "- a: {for: {value: v, in: [1], steps: [{b: {assign: [{x: 1}]}}]}}\n- c: {return: '${v}'}",
        2,
        "local to the loop",
    ),
    (
        "- a: {try: {raise: 1}, except: {as: e, steps: [{b: {next: c}}]}}\n- c: {return: '${e}'}",
        2,
        "local to the except",
    ),
    ("- a: {return: '${http.no_such_policy}'}", 1, "reads the variable 'http'"),
    ("main: {steps: [{a: {call: s}}]}\ns:\n  params: [p: '${q}']\n  steps: [{b: {return: 1}}]", 0, "variable 'q'"),
    (f"- a: {{return: '${{{'1 + ' * 120}1}}'}}", 1, "at most 400 characters"),
    ("# " + "x" * 140_000 + "\n- a: {return: 1}", 0, "at most 131072"),
    (f"- a: {{assign: [{', '.join(f'v{n}: 1' for n in range(51))}]}}", 1, "at most 50 entries"),
    ("- a: {parallel: {branches: [{b: {steps: [{c: {assign: [{x: 1}]}}]}}]}}", 1, "at least 2"),
]
"""Source, line and words of the one finding."""


def branches(step: str, first: str = "- init: {assign: [{x: 1}]}") -> str:
    """Return a source whose parallel step at line 2 has the given step in a branch."""
    both = f"[{{b: {{steps: [{step}]}}}}, {{c: {{steps: [{{d: {{next: end}}}}]}}}}]"
    return f"{first}\n- p: {{parallel: {{branches: {both}}}}}"


PARALLEL = [
    ("{s: {assign: [{x: 2}]}}", "'x' of the parent is written in a branch but not 'shared'"),
    ("{s: {assign: [{y: '${z}'}]}}", "reads the variable 'z'"),
]


@pytest.mark.parametrize(("source", "line", "words"), LANGUAGE, ids=[words for _, _, words in LANGUAGE])
def test_a_broken_law_is_told_with_its_line(source: str, line: int, words: str) -> None:
    """One finding, at the line of the step, in words that name what is wrong."""
    (finding,) = [found for found in check(source, NO_CONTRACTS) if not found.is_warning]

    assert words in finding.message
    assert finding.line == line


@pytest.mark.parametrize(("step", "words"), PARALLEL)
def test_a_branch_is_held_to_its_scope(step: str, words: str) -> None:
    """It writes nothing of its parent that is not shared and reads nothing that is nowhere."""
    messages = [finding.message for finding in check(branches(step), NO_CONTRACTS)]

    assert any(words in message for message in messages)


def test_a_variable_of_one_branch_is_unknown_in_another() -> None:
    """Branches share nothing but what their parent has."""
    source = """
    - p:
        parallel:
          branches:
            - one: {steps: [{s: {assign: [{mine: 1}]}}]}
            - two: {steps: [{t: {assign: [{yours: "${mine}"}]}}]}
    """

    (finding,) = check(textwrap.dedent(source), NO_CONTRACTS)

    assert "'mine', but it is local to the branch in step 'p'" in finding.message


def test_every_finding_is_told_at_once() -> None:
    """Somebody mending a workflow sees all of it."""
    source = "- a: {call: nosuch}\n- b: {return: '${ghost}'}\n- c: {next: nowhere}"

    assert [finding.line for finding in check(source, NO_CONTRACTS)] == [1, 2, 3, 3]


def test_parallel_steps_three_deep_are_told_even_through_a_call() -> None:
    """The limit is of the execution, not of the text."""
    pair = "[{{{0}1: {{steps: [{1}]}}}}, {{{0}2: {{steps: [{{{0}3: {{assign: [{{v: 1}}]}}}}]}}}}]"
    deep = pair.format("c", "{s: {assign: [{v: 1}]}}")
    middle = pair.format("b", f"{{q: {{parallel: {{branches: {deep}}}}}}}")
    source = (
        f"main: {{steps: [{{p: {{parallel: {{branches: {pair.format('a', '{k: {call: sub}}')}}}}}}}]}}\n"
        f"sub: {{steps: [{{r: {{parallel: {{branches: {middle}}}}}}}]}}"
    )

    (finding,) = check(source, NO_CONTRACTS)

    assert "step 'q' nests parallel steps more than 2 deep" in finding.message


@pytest.mark.parametrize(
    ("source", "unreachable"),
    [
        ("- a: {return: 1}\n- b: {return: 2}\n- c: {return: 3}", [2]),
        ("- a: {next: c}\n- b: {return: 2}\n- c: {return: 3}", [2]),
        ("- a: {switch: [{condition: true, return: 1}]}\n- b: {return: 2}", [2]),
        ("- a: {try: {raise: x}, except: {as: e, steps: [{r: {return: '${e}'}}]}}\n- b: {return: 2}", [2]),
        ("- a: {switch: [{condition: '${1 == 1}', return: 1}]}\n- b: {return: 2}", []),
        ("- a: {try: {raise: x}, except: {as: e, steps: [{r: {assign: [{y: 1}]}}]}}\n- b: {return: 2}", []),
        ("- a: {switch: [{condition: '${1 == 1}', next: c}]}\n- b: {next: end}\n- c: {return: 3}", []),
    ],
)
def test_a_step_nobody_reaches_is_a_warning(source: str, unreachable: list[int]) -> None:
    """It is told once and fails nothing."""
    found = check(source, NO_CONTRACTS)

    assert [finding.line for finding in found] == unreachable
    assert all(finding.is_warning and str(finding).startswith(f"{finding.line}: warning:") for finding in found)


ASKERS = """
ask: {params: [function, body], steps: [{post: {call: http.post, args: {url: "${function}", body: "${body}"}}}]}
attempt: {params: [function, body], steps: [{call: {call: ask, args: {function: "${function}", body: "${body}"}}}]}
"""


def product(steps: str) -> list[str]:
    """Return the findings of a workflow that asks functions, with the contracts of the house."""
    source = f"main:\n  params: [args]\n  steps:\n{textwrap.indent(textwrap.dedent(steps), '    ')}{ASKERS}"
    return [finding.message for finding in check(source, read(bundle.FUNCTIONS)) if not finding.is_warning]


def detect(body: str = "{alert: '${args.alert}'}", function: str = "incident_detection", then: str = "") -> str:
    """Return a step that attempts a function into `found`, and what follows."""
    return f"- s: {{call: attempt, args: {{function: {function}, body: {body}}}, result: found}}\n{then}\n"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (detect(function="incident_detecton"), "there is no function 'incident_detecton'"),
        (detect(function="alert_intake"), "'alert_intake' is no step"),
        (detect("{alert: 1, alrt: 2}"), "DetectionRequest, has no field alrt"),
        (detect("{}"), "DetectionRequest, needs alert"),
        (detect("{alert: null}"), "'alert' of DetectionRequest is required, but null is sent"),
        (detect(then="- r: {return: '${found.anser}'}"), "reads 'anser' of a map of answer, failure"),
        (detect(then="- r: {return: '${found.answer.severty}'}"), "reads 'severty' of Incident"),
        (detect(then="- r: {return: '${found.answer[\"severty\"]}'}"), "reads 'severty' of Incident"),
        (detect(then="- r: {return: '${map.get(found.answer, \"needs_respons\")}'}"), "'needs_respons' of Incident"),
        (detect(then="- r: {assign: [{i: '${found.answer}'}]}\n- t: {return: '${i.patch}'}"), "'patch' of Incident"),
        (detect(then=detect("{alert: '${found.answer}'}").replace("s:", "t:", 1)), "takes Alert, not Incident"),
    ],
)
def test_a_function_is_asked_what_its_contract_says(steps: str, words: str) -> None:
    """A wrong name, a wrong body or a field no answer has is told before anything runs."""
    (message,) = product(steps)

    assert words in message


@pytest.mark.parametrize(
    "then",
    [
        "- r: {return: '${found.answer.needs_response}'}",
        "- r: {return: '${found.answer.error_summary.total_errors}'}",
        "- r: {return: '${default(map.get(found.answer, \"looks_like_regression\"), false)}'}",
        "- r: {return: '${found.failure.step}'}",
        "- r: {return: '${map.get(args, \"anything\")}'}",
    ],
)
def test_what_the_contracts_hold_is_no_finding(then: str) -> None:
    """Computed fields, nested contracts and what nobody can know pass."""
    assert product(detect(then=then)) == []


def test_an_answer_is_known_through_a_subworkflow() -> None:
    """Arguments and results carry what is known of them."""
    source = f"""
main:
  params: [args]
  steps:
    - s: {{call: attempt, args: {{function: incident_detection, body: {{alert: "${{args.alert}}"}}}}, result: found}}
    - t: {{call: inner, args: {{incident: "${{found.answer}}"}}, result: back}}
    - u: {{return: "${{back.nonsense}}"}}
inner:
  params: [incident]
  steps:
    - v: {{return: {{severity: "${{incident.severty}}"}}}}
{ASKERS}"""

    messages = [finding.message for finding in check(source, read(bundle.FUNCTIONS)) if not finding.is_warning]

    assert messages == [
        "'main' reads 'nonsense' of a map of severity, which has no such field",
        "'inner' reads 'severty' of Incident, which has no such field",
    ]


def test_the_workflow_of_the_house_has_no_finding() -> None:
    """Not even a warning."""
    assert check(WORKFLOW.read_text(encoding="utf-8"), read(bundle.FUNCTIONS)) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("function: rca", "function: rac"),
        ("body: {alert:", "body: {alarm:"),
        ("${solution.answer}", "${solution.anwser}"),
        ("${incident.looks_like_regression}", "${incident.looks_like_regresion}"),
        ("${analysis.root_causes}", "${analysis.root_cause}"),
        ('map.get(branch.answer, "is_ready")', 'map.get(branch.answer, "ready")'),
        ("shared: [root_causes, suggestions, code_analysis]", "shared: [root_causes, suggestions]"),
        ("next: respond", "next: reply"),
        ("retry: ${http.default_retry}", "retry: ${http.default_retries}"),
    ],
)
def test_a_slip_in_the_workflow_of_the_house_is_found(good: str, bad: str) -> None:
    """Each of the slips that only an incident would have shown."""
    text = WORKFLOW.read_text(encoding="utf-8")
    assert good in text

    assert check(text.replace(good, bad, 1), read(bundle.FUNCTIONS))


def _findings(file: Path) -> list[Finding]:
    found = check(file.read_text(encoding="utf-8"), NO_CONTRACTS)
    # The cases use a name twice in different branches, which the checker alone minds.
    return [item for item in found if not item.is_warning and "name of the step at line" not in item.message]


@pytest.mark.skipif(not FILES, reason=f"no conformance cases at {CONFORMANCE.name!r} beside the project")
@pytest.mark.parametrize("file", FILES or [CONFORMANCE], ids=lambda file: file.name.partition(".")[0])
def test_conformance_cases_are_judged_as_they_say(file: Path) -> None:
    """What must be refused has a finding; what must succeed has none."""
    meta = json.loads(file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# META "))

    if meta["reject"]:
        assert _findings(file)
    elif not meta["err"] and "KeyError" not in (meta["check"] or ""):
        assert _findings(file) == []
