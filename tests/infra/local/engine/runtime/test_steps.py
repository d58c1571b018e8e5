"""Running steps: assignments, jumps, switches, loops, subworkflows, limits."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.local.engine import WorkflowError

Run = Callable[..., Any]


def test_assignment_sees_the_ones_before_it(run_workflow: Run) -> None:
    """A step assigns from top to bottom."""
    assert run_workflow('- a: {assign: [{x: 1}, {y: "${x + 1}"}]}\n- r: {return: "${y}"}') == 2


def test_path_writes_inside_a_value_and_creates_missing_maps(run_workflow: Run) -> None:
    """Paths may use keys, indexes and computed keys."""
    source = """
        - init: {assign: [{m: {l: [1, [2, 3]]}}, {k: "dyn"}, {n: null}]}
        - write: {assign: [{"m.l[1][0]": 9}, {"m[k + \\"1\\"].deep": 5}, {n.made: true}]}
        - r: {return: ["${m}", "${n}"]}
        """
    assert run_workflow(source) == [{"l": [1, [9, 3]], "dyn1": {"deep": 5}}, {"made": True}]


@pytest.mark.parametrize(
    ("target", "tag"),
    [
        ("l[3]", "IndexError"),
        ("l[-1]", "IndexError"),
        ('l["a"]', "TypeError"),
        ("s.a", "TypeError"),
        ("u.a", "KeyError"),
    ],
)
def test_invalid_path_raises(run_workflow: Run, target: str, tag: str) -> None:
    """Lists do not grow, strings have no keys, unknown variables are not maps."""
    source = f"""
        - init: {{assign: [{{l: [1, 2, 3]}}, {{s: text}}]}}
        - write:
            try: {{steps: [{{w: {{assign: [{{'{target}': 1}}]}}}}]}}
            except: {{as: e, steps: [{{r: {{return: "${{e.tags[0]}}"}}}}]}}
        """
    assert run_workflow(source) == tag


def test_values_are_copied(run_workflow: Run) -> None:
    """Changing a copy, an argument or an element does not change the original."""
    source = """
        main:
          steps:
            - init: {assign: [{m: {a: [1]}}, {c: "${m}"}, {inner: "${m.a}"}, {"c.a[0]": 2}, {"inner[0]": 3}]}
            - change: {call: change, args: {value: "${m}"}, result: changed}
            - r: {return: ["${m}", "${c}", "${inner}", "${changed}"]}
        change:
          params: [value]
          steps:
            - w: {assign: [{value.a: null}]}
            - r: {return: "${value}"}
        """
    assert run_workflow(source) == [{"a": [1]}, {"a": [2]}, [3], {"a": None}]


def test_switch_without_a_true_condition_uses_its_next(run_workflow: Run) -> None:
    """The step's own `next` is the default."""
    source = """
        - s: {switch: [{condition: false, return: no}], next: last}
        - skipped: {return: skipped}
        - last: {return: last}
        """
    assert run_workflow(source) == "last"


def test_condition_must_be_a_boolean(run_workflow: Run) -> None:
    """Other values are not converted."""
    with pytest.raises(WorkflowError, match="TypeError"):
        run_workflow("- s: {switch: [{condition: '${1}', return: no}]}")


def test_jumps_go_back_and_out_of_blocks(run_workflow: Run) -> None:
    """A loop made of jumps runs until its condition fails."""
    source = """
        - init: {assign: [{n: 0}]}
        - count: {assign: [{n: "${n + 1}"}]}
        - block:
            steps:
              - again: {switch: [{condition: "${n < 5}", next: count}]}
              - out: {next: done}
        - never: {return: never}
        - done: {return: "${n}"}
        """
    assert run_workflow(source) == 5


def test_end_returns_null_from_the_routine(run_workflow: Run) -> None:
    """In a subworkflow `end` returns to the caller."""
    source = """
        main:
          steps:
            - c: {call: sub, result: x}
            - r: {return: ["${x}", "went on"]}
        sub:
          steps:
            - l: {for: {value: v, in: [1], steps: [{s: {next: end}}]}}
            - r: {return: not reached}
        """
    assert run_workflow(source) == [None, "went on"]


@pytest.mark.parametrize(
    ("loop", "total"),
    [
        ("in: [1, 2, 3]", 6),
        ("in: []", 0),
        ("range: [1, 4]", 10),
        ("range: [4, 1]", 0),
        ("range: [-2, 2]", 0),
        ("range: [0.5, 2]", 2.0),
        ("in: '${keys(m)}'", None),
    ],
)
def test_loops_iterate_over_lists_and_ranges(run_workflow: Run, loop: str, total: object) -> None:
    """A range includes both ends."""
    source = f"""
        - init: {{assign: [{{sum: 0}}, {{m: {{a: 1}}}}]}}
        - l: {{for: {{value: v, {loop}, steps: [{{s: {{assign: [{{sum: "${{sum + v}}"}}]}}}}]}}}}
        - r: {{return: "${{sum}}"}}
        """
    assert run_workflow(source) == ("0a" if total is None else total)


@pytest.mark.parametrize("loop", ["in: {a: 1}", "in: text", "range: [1]", "range: [a, b]"])
def test_loop_over_another_type_raises(run_workflow: Run, loop: str) -> None:
    """A map must be iterated by its keys."""
    with pytest.raises(WorkflowError, match="TypeError"):
        run_workflow(f"- l: {{for: {{value: v, {loop}, steps: [{{s: {{next: continue}}}}]}}}}")


def test_loop_variables_end_with_the_loop_and_outer_ones_stay(run_workflow: Run) -> None:
    """The loop's own variables are gone, its changes to outer ones are kept."""
    source = """
        - init: {assign: [{outer: 0}]}
        - l: {for: {value: v, index: i, in: [7], steps: [{s: {assign: [{outer: "${v + i}"}, {own: 1}]}}]}}
        - t:
            try: {steps: [{x: {return: "${own}"}}]}
            except: {as: e, steps: [{r: {return: ["${outer}", "${e.tags[0]}"]}}]}
        """
    assert run_workflow(source) == [7, "KeyError"]


def test_subworkflows_take_arguments_by_name_or_in_order(run_workflow: Run) -> None:
    """Defaults replace missing arguments; `call` and expressions reach the same routine."""
    source = """
        main:
          steps:
            - named: {call: join, args: {b: 2, a: 1}, result: x}
            - ordered: {call: join, args: [1], result: y}
            - r: {return: ["${x}", "${y}", "${join(3, 4)}"]}
        join:
          params: [a, b: "?"]
          steps: [{r: {return: '${string(a) + string(b)}'}}]
        """
    assert run_workflow(source) == ["12", "1?", "34"]


def test_calls_nest_at_most_20_deep(run_workflow: Run) -> None:
    """The 21st call raises RecursionError."""
    source = """
        main:
          params: [depth]
          steps:
            - t:
                try: {call: down, args: {n: "${depth}"}, result: x}
                except: {as: e, steps: [{r: {return: "${e.tags[0]}"}}]}
            - r: {return: "${x}"}
        down:
          params: [n]
          steps:
            - s: {switch: [{condition: "${n == 1}", return: bottom}]}
            - d: {call: down, args: {n: "${n - 1}"}, result: x}
            - r: {return: "${x}"}
        """
    assert run_workflow(source, 20) == "bottom"
    assert run_workflow(source, 21) == "RecursionError"


def test_variables_have_512_kb(run_workflow: Run) -> None:
    """Above the limit ResourceLimitError is raised; a finished routine releases its memory."""
    grow = """
        main:
          params: [chunk]
          steps:
            - init: {assign: [{l: []}, {n: 0}]}
            - g: {assign: [{l: "${list.concat(l, chunk)}"}, {n: "${n + 1}"}]}
            - again: {switch: [{condition: "${n < 600}", next: g}]}
        """
    with pytest.raises(WorkflowError, match="ResourceLimitError"):
        run_workflow(grow, "x" * 1000)

    reuse = """
        main:
          params: [chunk]
          steps:
            - l: {for: {value: v, range: [1, 200], steps: [{c: {call: hold, args: {it: "${chunk}"}}}]}}
            - r: {return: fits}
        hold:
          params: [it]
          steps: [{r: {return: 1}}]
        """
    assert run_workflow(reuse, "x" * 10_000) == "fits"


def test_string_has_at_most_256_kb(run_workflow: Run) -> None:
    """A longer one cannot be assigned."""
    with pytest.raises(WorkflowError, match="ResourceLimitError"):
        run_workflow("main: {params: [s], steps: [{a: {assign: [{t: '${s + s}'}]}}]}", "x" * 140_000)


def test_too_deeply_nested_value_raises(run_workflow: Run) -> None:
    """This limit of the engine raises ResourceLimitError."""
    source = """
        - init: {assign: [{x: []}]}
        - wrap: {assign: [{x: ["${x}"]}], next: wrap}
        """
    with pytest.raises(WorkflowError, match="ResourceLimitError"):
        run_workflow(source)


def test_execution_runs_at_most_100_000_steps(run_workflow: Run) -> None:
    """An endless loop ends with an error."""
    with pytest.raises(WorkflowError, match="ResourceLimitError"):
        run_workflow("- a: {assign: [{x: 1}], next: a}")


def test_uncaught_error_has_a_stack_trace(run_workflow: Run) -> None:
    """Innermost step first, with lines."""
    source = """
        main:
          steps:
            - outer: {call: sub}
        sub:
          steps:
            - inner: {raise: {code: 7}}
        """
    with pytest.raises(WorkflowError) as raised:
        run_workflow(source)

    assert raised.value.value == {"code": 7}
    assert raised.value.trace == [("sub", "inner", 7), ("main", "outer", 4)]
    assert raised.value.context == 'RuntimeError: {"code":7}\nin step "inner", routine "sub", line: 7'
