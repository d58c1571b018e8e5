"""Concurrent branches and iterations."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.engine import WorkflowError
from infra.local.engine.runtime.history import StepEntry, StepState

Run = Callable[..., Any]


class Overlap:
    """Counts the concurrent steps of one name."""

    def __init__(self, step: str) -> None:
        self.peak = 0
        self._step = step
        self._running = 0
        self._lock = threading.Lock()

    def __call__(self, entry: StepEntry) -> None:
        """Count a step's start or end."""
        if entry.step != self._step:
            return
        with self._lock:
            self._running += 1 if entry.state is StepState.IN_PROGRESS else -1
            self.peak = max(self.peak, self._running)


def test_branches_run_concurrently(run_workflow: Run, upstream: Any) -> None:
    """The server answers only after both have sent a request."""
    upstream.hold.clear()

    threading.Thread(target=_release_when, args=(upstream, 2), daemon=True).start()
    source = """
        main:
          params: [url]
          steps:
            - init: {assign: [{a: null}, {b: null}]}
            - p:
                parallel:
                  shared: [a, b]
                  branches:
                    - one: {steps: [{ask: {call: http.get, args: {url: "${url}"}, result: a}}]}
                    - two: {steps: [{ask: {call: http.get, args: {url: "${url}"}, result: b}}]}
            - r: {return: ["${a.code}", "${b.code}"]}
        """
    assert run_workflow(source, upstream.url) == [200, 200]


def _release_when(upstream: Any, count: int) -> None:
    tick = threading.Event()
    for _ in range(500):
        if len(upstream.requests) >= count:
            upstream.hold.set()
            return
        tick.wait(0.01)


def test_concurrency_limit_bounds_parallel_iterations(run_workflow: Run) -> None:
    """Two of nine run at a time."""
    overlap = Overlap("z")
    source = """
        - p:
            parallel:
              concurrency_limit: ${1 + 1}
              for: {value: v, range: [1, 9], steps: [{z: {call: sys.sleep, args: {seconds: 0.02}}}]}
        """
    run_workflow(source, listener=overlap, time_scale=1)

    assert overlap.peak == 2


def test_assignment_to_a_shared_variable_loses_no_update(run_workflow: Run) -> None:
    """Reading and writing in one assignment is atomic."""
    source = """
        - init: {assign: [{n: 0}, {m: {}}]}
        - p:
            parallel:
              shared: [n, m]
              for:
                value: v
                range: [1, 200]
                steps: [{s: {assign: [{n: "${n + 1}"}, {"m[string(v)]": "${v}"}]}}]
        - r: {return: ["${n}", "${len(m)}"]}
        """
    assert run_workflow(source) == [200, 200]


def test_failed_branch_is_reported_after_the_others_end(run_workflow: Run) -> None:
    """`continueAll`: the error names each branch that failed and why."""
    source = """
        - init: {assign: [{done: []}]}
        - t:
            try:
              steps:
                - p:
                    parallel:
                      shared: [done]
                      branches:
                        - bad: {steps: [{boom: {raise: {code: 55}}}]}
                        - good: {steps: [{w: {assign: [{done: "${list.concat(done, 1)}"}]}}]}
                        - worse: {steps: [{boom: {raise: text}}]}
            except: {as: e, steps: [{r: {return: {done: "${done}", e: "${e}"}}}]}
        """
    answer = run_workflow(source)

    assert answer["done"] == [1]
    assert answer["e"]["tags"][0] == "UnhandledBranchError"
    assert answer["e"]["truncated"] is False
    assert [branch["id"] for branch in answer["e"]["branches"]] == ["bad", "worse"]
    assert answer["e"]["branches"][0]["error"]["payload"] == {"code": 55}
    assert 'in step "boom", routine "main"' in answer["e"]["branches"][1]["error"]["context"]


def test_at_most_100_errors_are_reported(run_workflow: Run) -> None:
    """`truncated` says that there are more."""
    source = """
        - t:
            try: {parallel: {for: {value: v, range: [1, 101], steps: [{s: {raise: "${v}"}}]}}}
            except: {as: e, steps: [{r: {return: ["${len(e.branches)}", "${e.truncated}", "${e.branches[0].id}"]}}]}
        """
    assert run_workflow(source) == [100, True, "0"]


def test_parallel_steps_nest_two_deep(run_workflow: Run) -> None:
    """The third level raises ParallelNestingError, through subworkflows too."""
    source = """
        main:
          params: [levels]
          steps:
            - t:
                try: {call: level, args: {n: "${levels}"}}
                except: {as: e, steps: [{r: {return: "${json.encode_to_string(e)}"}}]}
            - r: {return: fine}
        level:
          params: [n]
          steps:
            - stop: {switch: [{condition: "${n == 0}", return: null}]}
            - p: {parallel: {for: {value: v, in: [1], steps: [{c: {call: level, args: {n: "${n - 1}"}}}]}}}
        """
    assert run_workflow(source, 2) == "fine"
    assert "ParallelNestingError" in run_workflow(source, 3)


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "text", "true"])
def test_invalid_limit_raises(run_workflow: Run, limit: str) -> None:
    """It must be a positive integer."""
    loop = "for: {value: v, in: [1], steps: [{s: {next: continue}}]}"
    with pytest.raises(WorkflowError, match="ValueError"):
        run_workflow(f"- p: {{parallel: {{concurrency_limit: {limit}, {loop}}}}}")


def test_empty_parallel_loop_is_no_error(run_workflow: Run) -> None:
    """It ends without running its steps."""
    loop = "for: {value: v, in: [], steps: [{s: {next: continue}}]}"
    assert run_workflow(f"- p: {{parallel: {{{loop}}}}}\n- r: {{return: 1}}") == 1
