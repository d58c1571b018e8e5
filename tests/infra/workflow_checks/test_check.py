"""Each rule finds its error in a small workflow, and valid workflows have no findings."""

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
    ("- a: {return: 1}\n- b: [", 2, "not YAML"),
    ("- a:\n    assign: [{x: '${nosuch.fn(1)}'}]", 1, "no function or subworkflow 'nosuch.fn'"),
    ("- a: {call: nosuch}", 1, "no function or subworkflow 'nosuch'"),
    ("- a: {call: googleapis.pubsub.publish}", 1, "no function or subworkflow 'googleapis.pubsub.publish'"),
    ("- a: {call: http.get, args: {url: x, bdy: 1}}", 1, "'http.get' has no parameter bdy"),
    ("- a: {call: http.get}", 1, "'http.get' needs url"),
    ("- a: {assign: [{x: 1}], next: nowhere}", 1, "'next: nowhere' is not a valid target"),
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
"""Source, line and message text of the only finding."""


def branches(step: str, first: str = "- init: {assign: [{x: 1}]}") -> str:
    """Return a source whose parallel step at line 2 has `step` in a branch."""
    both = f"[{{b: {{steps: [{step}]}}}}, {{c: {{steps: [{{d: {{next: end}}}}]}}}}]"
    return f"{first}\n- p: {{parallel: {{branches: {both}}}}}"


PARALLEL = [
    ("{s: {assign: [{x: 2}]}}", "'x' of the parent is written in a branch but not 'shared'"),
    ("{s: {assign: [{y: '${z}'}]}}", "reads the variable 'z'"),
]


@pytest.mark.parametrize(("source", "line", "words"), LANGUAGE, ids=[words for _, _, words in LANGUAGE])
def test_broken_rule_is_reported_with_its_line(source: str, line: int, words: str) -> None:
    """There is one finding, at the line of the step, and its message names the error."""
    (finding,) = [item for item in check(source, NO_CONTRACTS) if not item.is_warning]

    assert words in finding.message
    assert finding.line == line


@pytest.mark.parametrize(("step", "words"), PARALLEL)
def test_branch_is_limited_to_its_scope(step: str, words: str) -> None:
    """It cannot write an unshared variable of its parent or read an unassigned one."""
    messages = [finding.message for finding in check(branches(step), NO_CONTRACTS)]

    assert any(words in message for message in messages)


def test_variable_of_one_branch_is_unknown_in_another() -> None:
    """Branches share only variables of their parent."""
    source = """
    - p:
        parallel:
          branches:
            - one: {steps: [{s: {assign: [{mine: 1}]}}]}
            - two: {steps: [{t: {assign: [{yours: "${mine}"}]}}]}
    """

    (finding,) = check(textwrap.dedent(source), NO_CONTRACTS)

    assert "'mine', but it is local to the branch in step 'p'" in finding.message


def test_all_findings_are_reported_together() -> None:
    """Someone fixing a workflow sees every error."""
    source = "- a: {call: nosuch}\n- b: {return: '${ghost}'}\n- c: {next: nowhere}"

    assert [finding.line for finding in check(source, NO_CONTRACTS)] == [1, 2, 3, 3]


def test_parallel_steps_three_deep_are_reported_through_a_call() -> None:
    """The limit applies to the execution, not to the text."""
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
def test_unreachable_step_is_a_warning(source: str, unreachable: list[int]) -> None:
    """It is reported once and does not fail the check."""
    findings = check(source, NO_CONTRACTS)

    assert [finding.line for finding in findings] == unreachable
    assert all(finding.is_warning and str(finding).startswith(f"{finding.line}: warning:") for finding in findings)


CALLERS = """
ask: {params: [function, call], steps: [{post: {call: http.post, args: {url: "${function}", body: "${call}"}}}]}
attempt: {params: [function, call], steps: [{ask: {call: ask, args: {function: "${function}", call: "${call}"}}}]}
"""


def product(steps: str) -> list[str]:
    """Return the findings of a workflow that calls functions, with the product's contracts."""
    source = f"main:\n  params: [args]\n  steps:\n{textwrap.indent(textwrap.dedent(steps), '    ')}{CALLERS}"
    return [finding.message for finding in check(source, read(bundle.FUNCTIONS)) if not finding.is_warning]


def detect(call: str = "{incident: '${args.alert}'}", function: str = "incident_detection", then: str = "") -> str:
    """Return a step that calls a function with result `outcome`, and the text of the steps after it."""
    return f"- s: {{call: attempt, args: {{function: {function}, call: {call}}}, result: outcome}}\n{then}\n"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (detect(function="incident_detecton"), "there is no function 'incident_detecton'"),
        (detect(function="alert_intake"), "'alert_intake' is not a workflow step"),
        (detect("{incident: 1, incidnt: 2}"), "StepCall, has no field incidnt"),
        (detect("{}"), "StepCall, needs incident"),
        (detect("{incident: null}"), "'incident' of StepCall is required, but null is sent"),
        (detect(then="- r: {return: '${outcome.headlin}'}"), "reads 'headlin' of StepResult of incident_detection"),
        (detect(then="- r: {return: '${outcome.failure.stp}'}"), "reads 'stp' of Failure"),
        (detect(then="- r: {return: '${outcome[\"headlin\"]}'}"), "reads 'headlin' of StepResult"),
        (detect(then="- r: {return: '${map.get(outcome, \"needs_respons\")}'}"), "'needs_respons' of StepResult"),
        (detect(then="- r: {assign: [{i: '${outcome}'}]}\n- t: {return: '${i.has_patch}'}"), "'has_patch' of StepRes"),
        (detect(then=detect("{incident: '${outcome}'}").replace("s:", "t:", 1)), "takes SignedAlert, not StepResult"),
    ],
)
def test_call_that_breaks_a_contract_is_reported(steps: str, words: str) -> None:
    """A wrong name, a wrong call or an unknown field of the result is reported before anything runs."""
    (message,) = product(steps)

    assert words in message


@pytest.mark.parametrize(
    "then",
    [
        "- r: {return: '${outcome.needs_response}'}",
        "- r: {return: '${default(map.get(outcome, \"looks_like_regression\"), false)}'}",
        "- r: {return: '${outcome.failure.step}'}",
        "- r: {return: '${map.get(args, \"anything\")}'}",
    ],
)
def test_call_that_follows_its_contract_has_no_finding(then: str) -> None:
    """A step's own decisions, nested contracts and values of unknown shape pass."""
    assert product(detect(then=then)) == []


def test_result_shape_is_known_through_a_subworkflow() -> None:
    """Arguments and results keep their shapes."""
    call = '{function: incident_detection, call: {incident: "${args.alert}"}}'
    source = f"""
main:
  params: [args]
  steps:
    - s: {{call: attempt, args: {call}, result: outcome}}
    - t: {{call: inner, args: {{detected: "${{outcome}}"}}, result: back}}
    - u: {{return: "${{back.nonsense}}"}}
inner:
  params: [detected]
  steps:
    - v: {{return: {{headline: "${{detected.headlin}}"}}}}
{CALLERS}"""

    messages = [finding.message for finding in check(source, read(bundle.FUNCTIONS)) if not finding.is_warning]

    assert messages == [
        "'main' reads 'nonsense' of a map of headline, which has no such field",
        "'inner' reads 'headlin' of StepResult of incident_detection, which has no such field",
    ]


def test_incident_workflow_has_no_finding() -> None:
    """There is not even a warning."""
    assert check(WORKFLOW.read_text(encoding="utf-8"), read(bundle.FUNCTIONS)) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("function: rca", "function: rac"),
        ('call: {incident: "${incident}"}', 'call: {incidnt: "${incident}"}'),
        ('map.get(incident_detection, "looks_like_regression")', 'map.get(incident_detection, "looks_like_regresion")'),
        ("${drafted.file_updater}", "${drafted.file_updatr}"),
        ('map.get(file_updater, "is_ready")', 'map.get(file_updater, "ready")'),
        ('map.get(solution_generator, "has_patch")', 'map.get(solution_generator, "is_ready")'),
        ("shared: [rca, suggestion, code_analyzer]", "shared: [rca, suggestion]"),
        ("next: publish", "next: publisch"),
        ("predicate: ${may_pass}", "predicate: ${may_pas}"),
    ],
)
def test_typo_in_the_incident_workflow_is_found(good: str, bad: str) -> None:
    """Without the check each of these typos would only show during an incident."""
    text = WORKFLOW.read_text(encoding="utf-8")
    assert good in text

    assert check(text.replace(good, bad, 1), read(bundle.FUNCTIONS))


def _findings(file: Path) -> list[Finding]:
    findings = check(file.read_text(encoding="utf-8"), NO_CONTRACTS)
    # The cases use a step name twice in different branches, which only this checker reports.
    return [item for item in findings if not item.is_warning and "name of the step at line" not in item.message]


@pytest.mark.skipif(not FILES, reason=f"no conformance cases in {CONFORMANCE.name!r} next to the project")
@pytest.mark.parametrize("file", FILES or [CONFORMANCE], ids=lambda file: file.name.partition(".")[0])
def test_conformance_case_matches_its_meta_line(file: Path) -> None:
    """A case to reject has a finding; a case that succeeds has none."""
    meta = json.loads(file.read_text(encoding="utf-8").splitlines()[0].removeprefix("# META "))

    if meta["reject"]:
        assert _findings(file)
    elif not meta["err"] and "KeyError" not in (meta["check"] or ""):
        assert _findings(file) == []
