"""The limit of 512 KB: what counts, and that nothing in a workflow can catch it."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.local.engine.language.errors import UncatchableError
from infra.local.engine.runtime.scope import MemoryUse

Run = Callable[..., Any]
KB = 1024
GROW = 'assign: [{a: "${chunk + chunk}"}, {b: "${chunk + chunk}"}, {c: "${chunk + chunk}"}, {d: "${chunk + chunk}"}]'
"""Four variables of 200 KB each, from a chunk of 100 KB."""


def test_limit_is_not_caught_by_try(run_workflow: Run) -> None:
    """As on Google, the execution fails at once: what would handle an error is not reached."""
    source = f"""
        main:
          params: [chunk]
          steps:
            - t: {{try: {{steps: [{{g: {{{GROW}}}}}]}}, except: {{as: e, steps: [{{r: {{return: caught}}}}]}}}}
            - r: {{return: went on}}
        """
    with pytest.raises(UncatchableError, match="ResourceLimitError"):
        run_workflow(source, "x" * 100 * KB)


def test_limit_inside_a_subworkflow_is_not_caught_by_its_caller(run_workflow: Run) -> None:
    """A subworkflow that hides every error cannot hide this one."""
    source = f"""
        main:
          params: [chunk]
          steps:
            - t:
                try: {{call: grow, args: {{chunk: "${{chunk}}"}}}}
                except: {{as: e, steps: [{{r: {{return: caught}}}}]}}
        grow: {{params: [chunk], steps: [{{g: {{{GROW}}}}}]}}
        """
    with pytest.raises(UncatchableError, match="ResourceLimitError"):
        run_workflow(source, "x" * 100 * KB)


def test_limit_is_not_retried(run_workflow: Run) -> None:
    """A policy that retries every error sees none."""
    source = f"""
        main:
          params: [chunk]
          steps:
            - t:
                try: {{steps: [{{g: {{{GROW}}}}}]}}
                retry:
                  predicate: ${{always}}
                  max_retries: 3
                  backoff: {{initial_delay: 100000, max_delay: 100000}}
        always: {{params: [e], steps: [{{r: {{return: true}}}}]}}
        """
    with pytest.raises(UncatchableError, match="ResourceLimitError"):
        run_workflow(source, "x" * 100 * KB)


def test_limit_in_one_branch_ends_the_other_and_the_execution(run_workflow: Run) -> None:
    """Also one that waits: a branch that catches everything does not see the error of its sibling."""
    source = f"""
        main:
          params: [chunk]
          steps:
            - t:
                try:
                  steps:
                    - p:
                        parallel:
                          branches:
                            - one: {{steps: [{{g: {{{GROW}}}}}]}}
                            - two: {{steps: [{{w: {{call: sys.sleep, args: {{seconds: 86400}}}}}}]}}
                except: {{as: e, steps: [{{r: {{return: caught}}}}]}}
        """
    with pytest.raises(UncatchableError, match="ResourceLimitError"):
        run_workflow(source, "x" * 100 * KB, time_scale=1.0)


def test_error_of_that_name_raised_by_the_workflow_itself_is_caught(run_workflow: Run) -> None:
    """Only the interpreter's own is beyond reach."""
    source = """
        - t:
            try: {steps: [{r: {raise: {tags: [ResourceLimitError], message: mine}}}]}
            except: {as: e, steps: [{c: {return: "${e.message}"}}]}
        """
    assert run_workflow(source) == "mine"


def test_step_limit_is_not_caught_either(run_workflow: Run) -> None:
    """It is a ResourceLimitError too."""
    source = """
        - t:
            try: {steps: [{a: {assign: [{x: 1}], next: a}}]}
            except: {as: e, steps: [{r: {return: caught}}]}
        """
    with pytest.raises(UncatchableError, match="ResourceLimitError"):
        run_workflow(source)


def test_arguments_of_nested_calls_count_as_copies(run_workflow: Run) -> None:
    """A value handed down four times is there five times."""
    source = """
        main: {params: [v], steps: [{c: {call: one, args: {v: "${v}"}}}]}
        one: {params: [v], steps: [{c: {call: two, args: {v: "${v}"}}}]}
        two: {params: [v], steps: [{c: {call: three, args: {v: "${v}"}}}]}
        three: {params: [v], steps: [{c: {call: four, args: {v: "${v}"}}}]}
        four: {params: [v], steps: [{r: {return: 1}}]}
        """
    memory_use = MemoryUse()
    run_workflow(source, "x" * 50 * KB, memory_use=memory_use)

    assert 250 * KB <= memory_use.peak_bytes <= 260 * KB
    with pytest.raises(UncatchableError):
        run_workflow(source, "x" * 103 * KB)


def test_response_counts_while_it_is_assigned(run_workflow: Run, upstream: Any) -> None:
    """300 KB that go into a variable are there twice for a moment; not assigned, once."""
    upstream.reply_raw(200, b"[" + b",".join([b'"' + b"x" * 99_000 + b'"'] * 3) + b"]", "application/json")
    source = f'- c: {{call: http.get, args: {{url: "{upstream.url}"}}, result: r}}'

    with pytest.raises(UncatchableError, match="ResourceLimitError"):
        run_workflow(source)


def test_request_body_counts_while_it_is_sent(run_workflow: Run, upstream: Any) -> None:
    """The variable, and its copy in the arguments of the call."""
    upstream.reply(200, {})
    source = f"""
        main:
          params: [v]
          steps: [{{c: {{call: http.post, args: {{url: "{upstream.url}", body: "${{v}}"}}}}}}]
        """
    memory_use = MemoryUse()
    run_workflow(source, "x" * 200 * KB, memory_use=memory_use)

    assert 400 * KB <= memory_use.peak_bytes <= 402 * KB


def test_execution_just_below_the_limit_ends(run_workflow: Run) -> None:
    """And what a loop, a branch or a routine held is free again after it."""
    source = """
        main:
          params: [v]
          steps:
            - a: {assign: [{w: "${v}"}]}
            - f: {for: {value: n, range: [1, 20], steps: [{c: {call: hold, args: {v: "${v}"}}}]}}
            - r: {return: "${len(w)}"}
        hold: {params: [v], steps: [{r: {return: null}}]}
        """
    memory_use = MemoryUse()

    assert run_workflow(source, "x" * 170 * KB, memory_use=memory_use) == 170 * KB
    assert 510 * KB <= memory_use.peak_bytes <= 512 * KB
