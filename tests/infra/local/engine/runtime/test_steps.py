"""Steps one after the other: assignments, jumps, switches, loops, subworkflows, limits."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.local.engine import WorkflowError

Run = Callable[..., Any]


def test_assignments_see_those_before_them(run_workflow: Run) -> None:
    """A step assigns from top to bottom."""
    assert run_workflow('- a: {assign: [{x: 1}, {y: "${x + 1}"}]}\n- r: {return: "${y}"}') == 2


def test_a_path_writes_inside_a_value_and_makes_missing_maps(run_workflow: Run) -> None:
    """Keys, indexes and computed keys reach inside."""
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
def test_a_path_that_leads_nowhere_raises(run_workflow: Run, target: str, tag: str) -> None:
    """Lists do not grow, strings have no keys, unknown variables are no maps."""
    source = f"""
        - init: {{assign: [{{l: [1, 2, 3]}}, {{s: text}}]}}
        - write:
            try: {{steps: [{{w: {{assign: [{{'{target}': 1}}]}}}}]}}
            except: {{as: e, steps: [{{r: {{return: "${{e.tags[0]}}"}}}}]}}
        """
    assert run_workflow(source) == tag


def test_values_are_copied(run_workflow: Run) -> None:
    """Changing a copy, an argument or an element leaves the original alone."""
    source = """
        main:
          steps:
            - init: {assign: [{m: {a: [1]}}, {c: "${m}"}, {inner: "${m.a}"}, {"c.a[0]": 2}, {"inner[0]": 3}]}
            - change: {call: change, args: {given: "${m}"}, result: changed}
            - r: {return: ["${m}", "${c}", "${inner}", "${changed}"]}
        change:
          params: [given]
          steps:
            - w: {assign: [{given.a: null}]}
            - r: {return: "${given}"}
        """
    assert run_workflow(source) == [{"a": [1]}, {"a": [2]}, [3], {"a": None}]


def test_a_switch_without_a_true_condition_falls_to_its_next(run_workflow: Run) -> None:
    """The step's own `next` is the default."""
    source = """
        - s: {switch: [{condition: false, return: no}], next: last}
        - skipped: {return: skipped}
        - last: {return: last}
        """
    assert run_workflow(source) == "last"


def test_a_condition_must_be_a_boolean(run_workflow: Run) -> None:
    """There is no truthiness."""
    with pytest.raises(WorkflowError, match="TypeError"):
        run_workflow("- s: {switch: [{condition: '${1}', return: no}]}")


def test_jumps_go_back_and_out_of_blocks(run_workflow: Run) -> None:
    """A loop made of jumps ends where it says."""
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


def test_end_leaves_the_routine_with_null(run_workflow: Run) -> None:
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
def test_loops_go_through_lists_and_ranges(run_workflow: Run, loop: str, total: object) -> None:
    """Both ends of a range belong to it."""
    source = f"""
        - init: {{assign: [{{sum: 0}}, {{m: {{a: 1}}}}]}}
        - l: {{for: {{value: v, {loop}, steps: [{{s: {{assign: [{{sum: "${{sum + v}}"}}]}}}}]}}}}
        - r: {{return: "${{sum}}"}}
        """
    assert run_workflow(source) == ("0a" if total is None else total)


@pytest.mark.parametrize("loop", ["in: {a: 1}", "in: text", "range: [1]", "range: [a, b]"])
def test_a_loop_over_anything_else_raises(run_workflow: Run, loop: str) -> None:
    """Maps are gone through by their keys."""
    with pytest.raises(WorkflowError, match="TypeError"):
        run_workflow(f"- l: {{for: {{value: v, {loop}, steps: [{{s: {{next: continue}}}}]}}}}")


def test_loop_variables_end_with_the_loop_and_outer_ones_stay(run_workflow: Run) -> None:
    """What the loop made is gone, what it changed is not."""
    source = """
        - init: {assign: [{outer: 0}]}
        - l: {for: {value: v, index: i, in: [7], steps: [{s: {assign: [{outer: "${v + i}"}, {own: 1}]}}]}}
        - t:
            try: {steps: [{x: {return: "${own}"}}]}
            except: {as: e, steps: [{r: {return: ["${outer}", "${e.tags[0]}"]}}]}
        """
    assert run_workflow(source) == [7, "KeyError"]


def test_subworkflows_take_arguments_by_name_or_in_order(run_workflow: Run) -> None:
    """Defaults fill what is missing; `call` and expressions reach the same routine."""
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


def test_calls_nest_20_deep(run_workflow: Run) -> None:
    """The twenty-first call raises RecursionError."""
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
    """Growing past it raises ResourceLimitError; memory of a finished routine is free again."""
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


def test_a_string_has_at_most_256_kb(run_workflow: Run) -> None:
    """A longer one is no variable."""
    with pytest.raises(WorkflowError, match="ResourceLimitError"):
        run_workflow("main: {params: [s], steps: [{a: {assign: [{t: '${s + s}'}]}}]}", "x" * 140_000)


def test_a_value_cannot_be_nested_without_end(run_workflow: Run) -> None:
    """A limit of the engine, told as one."""
    source = """
        - init: {assign: [{x: []}]}
        - wrap: {assign: [{x: ["${x}"]}], next: wrap}
        """
    with pytest.raises(WorkflowError, match="ResourceLimitError"):
        run_workflow(source)


def test_an_execution_takes_at_most_100_000_steps(run_workflow: Run) -> None:
    """An endless loop ends as an error."""
    with pytest.raises(WorkflowError, match="ResourceLimitError"):
        run_workflow("- a: {assign: [{x: 1}], next: a}")


def test_an_uncaught_error_knows_where_it_passed(run_workflow: Run) -> None:
    """Innermost first, with lines."""
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
