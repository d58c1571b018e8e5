"""Faults of GitHub, and what a person does there meanwhile."""

from collections.abc import Callable

from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply, Request


def posts(sandbox: GithubSandbox, ending: str) -> int:
    """Count the POSTs to paths with this ending."""
    return len([one for one in sandbox.requests if one.method == "POST" and one.path.endswith(ending)])


def failing(ending: str, reply: Reply, times: int = 99) -> Callable[[Request], Reply | None]:
    """Return a fault that answers the first `times` POSTs to paths with this ending with `reply`."""
    left = [reply] * times

    def fault(request: Request) -> Reply | None:
        return left.pop() if left and request.method == "POST" and request.path.endswith(ending) else None

    return fault


def done_but_answered_502(sandbox: GithubSandbox, ending: str) -> None:
    """Execute the next POST to a path with this ending, but answer 502."""

    def fault(request: Request) -> Reply | None:
        if request.method != "POST" or not request.path.endswith(ending):
            return None
        sandbox.fault = None
        sandbox.answer(request)
        return Reply(502)

    sandbox.fault = fault


def commit_by_hand(git: Callable[..., str], parent: str, message: str) -> str:
    """Make a commit as a person would; return its sha."""
    identity = ("-c", "user.name=Grace", "-c", "user.email=grace@example.com")
    return git(*identity, "commit-tree", f"{parent}^{{tree}}", "-p", parent, "-m", message)
