"""The structure of a source: valid workflows, and the errors for invalid ones."""

import json
import textwrap

import pytest

from infra.local.engine import DefinitionRejected, load

STEP = "- a: {assign: [{x: 1}]}"


def test_list_of_steps_is_a_main_workflow() -> None:
    """A single routine needs no name."""
    assert list(load(STEP).routines) == ["main"]


def test_json_makes_the_same_workflow_as_yaml() -> None:
    """Both forms of a source mean the same."""
    yaml_tree = load("main: {params: [a], steps: [{r: {return: '${a}'}}]}").routines["main"].body.steps[0].action
    document = {"main": {"params": ["a"], "steps": [{"r": {"return": "${a}"}}]}}

    assert load(json.dumps(document)).routines["main"].body.steps[0].action == yaml_tree


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("sub: {steps: [{a: {return: 1}}]}", "no 'main'"),
        ("main: {steps: []}", "at least 1"),
        ("main: {params: [a]}", "'steps' is missing"),
        ("main: {steps: [{a: {return: 1}}], extra: 1}", "'extra'"),
        ("main: {params: [a, a], steps: [{s: {return: 1}}]}", "named twice"),
        ("main: {params: [a, b], steps: [{s: {return: 1}}]}", "at most one parameter"),
        ("just text", "list of steps or a map"),
        ("- a: {return: 1}\n  b: {return: 2}", "exactly one key"),
        ("- a: {asign: [{x: 1}]}", "'asign'"),
        ("- a: {assign: [{x: 1}], call: sys.log}", "only one action"),
        ("- a: {assign: {x: 1}}", "must be a list"),
        ("- a: {assign: [{x: 1, y: 2}]}", "exactly one key"),
        ("- a: {assign: [{'1x': 1}]}", "cannot assign"),
        ("- a: {assign: [{'len(x)': 1}]}", "cannot assign"),
        ("- a: {}", "does nothing"),
        ("- end: {return: 1}", "cannot be named"),
        ("- a: {return: 1}\n- a: {return: 2}", "two steps are named 'a'"),
        ("- a: {call: '${x}'}", "must be a name"),
        ("- a: {call: sys.now, result: m.x}", "is not a name"),
        ("- a: {call: sys.log, args: text}", "must be a map or a list"),
        ("- a: {switch: []}", "at least 1"),
        ("- a: {switch: [{next: end}]}", "'condition' is missing"),
        ("- a: {for: {value: v, steps: [{s: {next: continue}}]}}", "either 'in' or 'range'"),
        ("- a: {for: {value: v, in: [], range: [1, 2], steps: [{s: {next: continue}}]}}", "either 'in' or 'range'"),
        ("- a: {for: {in: [], steps: [{s: {next: continue}}]}}", "'value' is missing"),
        ("- a: {parallel: {}}", "either 'branches' or 'for'"),
        ("- a: {parallel: {branches: [{b: {steps: [{s: {next: end}}]}}]}}", "at least 2"),
        ("- a: {parallel: {exception_policy: unhandled, branches: []}}", "continueAll"),
        ("- a: {try: {call: sys.now}, except: {steps: [{s: {return: 1}}]}}", "'as' is missing"),
        ("- a: {try: {call: sys.now}, retry: {times: 3}}", "'times'"),
        ("- a: {try: {call: sys.now}, retry: {backoff: {delay: 3}}}", "'delay'"),
        ("- a: {return: '${1 +}'}", "invalid expression"),
    ],
)
def test_invalid_structure_is_rejected(source: str, message: str) -> None:
    """The message names the error."""
    with pytest.raises(DefinitionRejected, match=message):
        load(source)


def test_rejection_names_routine_step_and_line() -> None:
    """The message locates the error."""
    source = """\
        main:
          steps:
            - fine: {assign: [{x: 1}]}
            - wrong: {asign: [{x: 1}]}
        """
    with pytest.raises(DefinitionRejected, match=r"workflow 'main', step 'wrong' \(line 4\)"):
        load(textwrap.dedent(source))


def test_step_has_at_most_50_assignments() -> None:
    """The 51st is rejected."""
    fifty = [{f"v{n}": n} for n in range(50)]
    load(json.dumps([{"a": {"assign": fifty}}]))

    with pytest.raises(DefinitionRejected, match="at most 50"):
        load(json.dumps([{"a": {"assign": [*fifty, {"w": 1}]}}]))


def test_parallel_step_has_at_most_10_branches() -> None:
    """The 11th is rejected."""
    branches = [{f"b{n}": {"steps": [{"s": {"assign": [{"x": 1}]}}]}} for n in range(11)]

    with pytest.raises(DefinitionRejected, match="at most 10"):
        load(json.dumps([{"p": {"parallel": {"branches": branches}}}]))


def test_step_may_name_a_successor_it_never_reaches() -> None:
    """`next` after `return` is accepted, because Google's samples use it."""
    assert load("- a: {return: 1, next: end}").main.body.steps[0].next == "end"


def test_rejection_carries_its_line() -> None:
    """A caller can show the error at its line."""
    with pytest.raises(DefinitionRejected) as raised:
        load("- a: {return: 1}\n- b:\n    retrun: 2")

    assert raised.value.line == 2
