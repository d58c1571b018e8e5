"""The rules for a source beyond its grammar."""

import textwrap

import pytest

from infra.local.engine import DefinitionRejected, load

PARALLEL = """
    - init: {{assign: [{{x: 1}}]}}
    - p:
        parallel:
          {options}
          branches:
            - one: {{steps: [{{a: {step}}}]}}
            - two: {{steps: [{{a: {{assign: [{{z: 1}}]}}}}]}}
    """


def parallel(step: str, options: str = "exception_policy: continueAll") -> str:
    """Return a source whose first branch has one step."""
    return textwrap.dedent(PARALLEL.format(step=step, options=options))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("- a: {next: nowhere}", "not a valid target"),
        ("- a: {assign: [{x: 1}], next: break}", "not a valid target"),
        ("- a: {assign: [{x: 1}], next: continue}", "not a valid target"),
        ("- a: {for: {value: v, in: [1], steps: [{b: {next: c}}]}}\n- c: {return: 1}", "not a valid target"),
        ("- a: {steps: [{b: {return: 1}}]}\n- c: {next: b}", "not a valid target"),
        ("- a: {call: nosuch}", "no function or subworkflow 'nosuch'"),
        ("- a: {call: googleapis.pubsub}", "no function"),
        ("- a: {return: '${nosuch.fn(1)}'}", "'nosuch.fn'"),
        ("- a: {return: '${len()}'}", "takes 1 arguments, found 0"),
        ("- a: {return: '${len(1, 2)}'}", "takes 1 arguments, found 2"),
        ('- a: {return: "${http.get(\\"x\\")}"}', "needs a call step"),
        ("- a: {return: '${sys.sleep(1)}'}", "needs a call step"),
        ("- a: {call: http.get}", "needs url"),
        ("- a: {call: http.get, args: {url: x, nonsense: 1}}", "no parameter nonsense"),
        ("main: {steps: [{a: {call: s}}]}\ns: {params: [x], steps: [{r: {return: 1}}]}", "needs x"),
        ("main: {steps: [{a: {call: s, args: {y: 1}}}]}\ns: {steps: [{r: {return: 1}}]}", "no parameter y"),
    ],
)
def test_broken_rule_is_rejected(source: str, message: str) -> None:
    """The message names the rule."""
    with pytest.raises(DefinitionRejected, match=message):
        load(source)


@pytest.mark.parametrize(
    "source",
    [
        "- a: {steps: [{b: {next: c}}]}\n- c: {return: 1}",
        "- a: {try: {raise: x}, except: {as: e, steps: [{b: {next: c}}]}}\n- c: {return: 1}",
        "- a: {for: {value: v, in: [1], steps: [{b: {switch: [{condition: true, next: break}]}}]}}",
        "- a: {for: {value: v, in: [1], steps: [{b: {next: end}}]}}",
        "main: {steps: [{a: {call: s}}]}\ns: {params: [x: 1], steps: [{r: {return: 1}}]}",
        "- a: {for: {value: v, in: [1], steps: [{s: {assign: [{x: 1}]}}]}}\n- b: {steps: [{s: {return: 1}}]}",
    ],
)
def test_valid_source_is_accepted(source: str) -> None:
    """Outward jumps, defaults, and step names reused in another block are allowed."""
    load(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (parallel("{assign: [{x: 2}]}"), "'x' of the parent is written in a branch but not 'shared'"),
        (parallel("{call: sys.now, result: x}"), "not 'shared'"),
        (parallel("{return: 1}"), "not allowed inside a parallel step"),
        (parallel("{next: init}"), "not a valid target"),
        (parallel("{assign: [{y: 2}]}", "shared: [y]"), "must be assigned before the parallel step: y"),
    ],
)
def test_branch_cannot_affect_its_parent(source: str, message: str) -> None:
    """A branch can only write shared variables and cannot return or jump out."""
    with pytest.raises(DefinitionRejected, match=message):
        load(source)


def test_shared_variable_may_be_written_and_read_in_a_branch() -> None:
    """`shared` allows the write."""
    load(parallel('{assign: [{x: "${x + 1}"}]}', "shared: [x]"))


def test_parallel_iterations_cannot_break() -> None:
    """An iteration of a parallel loop cannot end the others."""
    source = "- p: {parallel: {for: {value: v, in: [1], steps: [{s: {next: {jump}}}]}}}"

    load(source.replace("{jump}", "continue"))
    with pytest.raises(DefinitionRejected, match="not a valid target"):
        load(source.replace("{jump}", "break"))
