"""`try`, `retry` and `except`."""

from collections.abc import Callable
from typing import Any

import pytest

from infra.local.engine import WorkflowError
from infra.local.engine.runtime.retries import RetryPolicy
from infra.local.engine.stdlib.retry import default_predicate, default_predicate_non_idempotent

Run = Callable[..., Any]

ASK = """
    main:
      params: [url]
      steps:
        - t:
            try: {{call: http.get, args: {{url: "${{url}}"}}, result: r}}
            retry: {retry}
            except: {{as: e, steps: [{{x: {{return: "${{e.code}}"}}}}]}}
        - r: {{return: "${{r.code}}"}}
    is_teapot:
      params: [e]
      steps: [{{r: {{return: "${{e.code == 418}}"}}}}]
    """


def test_default_policy_retries_five_times(run_workflow: Run, upstream: Any) -> None:
    """Six requests in total, then the handler runs."""
    for _ in range(6):
        upstream.reply(503)

    assert run_workflow(ASK.format(retry="${http.default_retry}"), upstream.url) == 503
    assert len(upstream.requests) == 6


def test_success_ends_the_retries(run_workflow: Run, upstream: Any) -> None:
    """The result is that of the successful attempt."""
    upstream.reply(429)
    upstream.reply(504)

    assert run_workflow(ASK.format(retry="${http.default_retry}"), upstream.url) == 200
    assert len(upstream.requests) == 3


@pytest.mark.parametrize(
    ("retry", "requests"),
    [
        ("{predicate: '${is_teapot}', max_retries: 2, backoff: {initial_delay: 1, max_delay: 9, multiplier: 2}}", 3),
        ("{predicate: '${retry.always}', max_retries: 1, backoff: '${retry.default_backoff}'}", 2),
        ("{predicate: '${retry.never}', max_retries: 9, backoff: '${retry.default_backoff}'}", 1),
        ("{predicate: '${http.default_retry_predicate}', max_retries: 9}", 1),
        ("{max_retries: 2}", 3),
        ("{predicate: '${is_teapot}', max_retries: 0}", 1),
    ],
)
def test_custom_policy_is_used(run_workflow: Run, upstream: Any, retry: str, requests: int) -> None:
    """Predicate and number of retries come from the workflow."""
    for _ in range(12):
        upstream.reply(418)

    assert run_workflow(ASK.format(retry=retry), upstream.url) == 418
    assert len(upstream.requests) == requests


@pytest.mark.parametrize(
    "retry",
    ["{predicate: text, max_retries: 1}", "{max_retries: -1}", "{max_retries: 1, backoff: {multiplier: x}}", "${[1]}"],
)
def test_invalid_policy_raises(run_workflow: Run, upstream: Any, retry: str) -> None:
    """An invalid policy is an error, not ignored."""
    upstream.reply(503)

    with pytest.raises(WorkflowError, match=r"TypeError|ValueError"):
        run_workflow(ASK.format(retry=retry), upstream.url)


def test_delays_grow_up_to_their_maximum() -> None:
    """The maximum limits each delay, not the number of retries."""
    policy = RetryPolicy(None, 9, initial_delay_s=1, max_delay_s=5, multiplier=2)

    assert [policy.delay_s(retry) for retry in range(5)] == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(
    ("error", "idempotent", "non_idempotent"),
    [
        ({"tags": ["HttpError"], "code": 429}, True, True),
        ({"tags": ["HttpError"], "code": 500}, False, False),
        ({"tags": ["HttpError"], "code": 502}, True, False),
        ({"tags": ["HttpError"], "code": 503}, True, True),
        ({"tags": ["HttpError"], "code": 504}, True, False),
        ({"tags": ["ConnectionFailedError"]}, True, True),
        ({"tags": ["ConnectionError"]}, True, False),
        ({"tags": ["TimeoutError"]}, True, False),
        ({"tags": ["KeyError"]}, False, False),
        ({"code": 503}, False, False),
        ("text", False, False),
    ],
)
def test_default_predicates_are_those_of_the_reference(error: object, idempotent: bool, non_idempotent: bool) -> None:
    """429, 502, 503, 504 and lost connections; for non-idempotent: 429, 503 and connections never opened."""
    assert default_predicate(error) is idempotent
    assert default_predicate_non_idempotent(error) is non_idempotent


def test_handler_sees_the_error_and_may_raise_again(run_workflow: Run) -> None:
    """The value is the raised one, of any type."""
    source = """
        - t:
            try:
              steps:
                - inner:
                    try: {raise: [1, 2]}
                    except: {as: e, steps: [{again: {raise: {seen: "${e}"}}}]}
            except: {as: e, steps: [{r: {return: "${e}"}}]}
        """
    assert run_workflow(source) == {"seen": [1, 2]}


def test_retry_runs_the_whole_body(run_workflow: Run, upstream: Any) -> None:
    """Steps before the failing one run again too."""
    upstream.reply(503)
    source = """
        main:
          params: [url]
          steps:
            - init: {assign: [{n: 0}]}
            - t:
                try:
                  steps:
                    - count: {assign: [{n: "${n + 1}"}]}
                    - ask: {call: http.get, args: {url: "${url}"}}
                retry: ${http.default_retry}
            - r: {return: "${n}"}
        """
    assert run_workflow(source, upstream.url) == 2
