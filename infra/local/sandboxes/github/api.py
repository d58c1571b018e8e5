"""What all endpoints of the GitHub sandbox share: the call, the errors, paging."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from infra.local.sandboxes.github.git import Repository
from infra.local.sandboxes.http import Reply, Request

Json = dict[str, Any]


class GithubApiError(Exception):
    """An error, in GitHub's format."""

    def __init__(self, status: int, message: str, errors: Sequence[dict[str, str]] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.errors = list(errors)

    def reply(self) -> Reply:
        """Return the answer."""
        body = {"message": str(self), "documentation_url": "https://docs.github.com/rest", "status": str(self.status)}
        return Reply.of_json({**body, "errors": self.errors} if self.errors else body, self.status)


def not_found() -> GithubApiError:
    """Return GitHub's answer for anything that does not exist or is hidden."""
    return GithubApiError(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", message: str = "") -> GithubApiError:
    """Return GitHub's answer for an invalid field."""
    detail = {"resource": resource, "code": code, "field": field, "message": message}
    return GithubApiError(422, "Validation Failed", [{key: value for key, value in detail.items() if value}])


@dataclass(frozen=True)
class ApiCall:
    """One call of the API: the request, the arguments in its path, and its repository."""

    request: Request
    args: Sequence[str]
    git: Repository
    repo: str
    default_branch: str
    web: str
    """Base URL of the HTML pages."""
    api: str
    """Base URL of the API as the client wrote it, with its `/api/v3` if any."""
    tree_limit: int
    """Maximum number of entries of a recursive tree before it is truncated."""
    is_archived: bool = False
    """When true, every write is refused."""

    @property
    def owner(self) -> str:
        """The owner's login."""
        return self.repo.split("/")[0]

    @property
    def repo_api(self) -> str:
        """The API's URL of the repository."""
        return f"{self.api}/repos/{self.repo}"

    @property
    def repo_web(self) -> str:
        """The page of the repository."""
        return f"{self.web}/{self.repo}"

    @cached_property
    def heads(self) -> dict[str, str]:
        """The commit of each branch, as it is when the call first needs one."""
        return {name.removeprefix("refs/heads/"): sha for name, sha, _ in self.git.refs("refs/heads/")}

    def body(self) -> Json:
        """Return the JSON object that was sent. Raises GithubApiError."""
        try:
            sent = self.request.json()
        except ValueError:
            raise GithubApiError(400, "Problems parsing JSON") from None
        if not isinstance(sent, dict):
            raise GithubApiError(400, "Body should be a JSON object")
        return sent

    def number(self, name: str, default: int, maximum: int) -> int:
        """Return a positive parameter of the URL, at most `maximum`; `default` when it is not one."""
        text = self.request.param(name)
        return min(int(text), maximum) if text.isdigit() and int(text) > 0 else default

    def commit_sha(self, ref: str) -> str:
        """Return the sha of the commit `ref` names. Raises GithubApiError: 409 when empty, 404 when not found."""
        sha = self.git.resolve(ref)
        if sha is None:
            raise self.absent(not_found())
        return sha

    def absent(self, error: GithubApiError) -> GithubApiError:
        """Return `error`, or 409 when nothing can be there, as the repository is empty."""
        return GithubApiError(409, "Git Repository is empty.") if self.git.is_empty() else error


Handler = Callable[[ApiCall], Reply]


def paged(call: ApiCall, items: Sequence[Any]) -> Reply:
    """Answer one page of a list, by default 30 items, with the Link header."""
    size, page = call.number("per_page", 30, 100), call.number("page", 1, 10**6)
    return Reply.of_json(items[(page - 1) * size : page * size], headers=link(call, len(items), size, page))


def link(call: ApiCall, total: int, size: int, page: int) -> dict[str, str]:
    """Return the Link header of a page; empty when there is only one page."""
    last = max(1, -(-total // size))
    around = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page == 1:
        around = {"next": page + 1, "last": last}
    elif page >= last:
        around = {"prev": page - 1, "first": 1}
    links = [f'<{_page_url(call, size, at)}>; rel="{rel}"' for rel, at in around.items()]
    return {"Link": ", ".join(links)} if last > 1 else {}


def _page_url(call: ApiCall, size: int, page: int) -> str:
    """Return the address of another page of the same list; every other parameter stays as it was written."""
    path, _, query = call.request.raw_path.partition("?")
    others = [part for part in query.split("&") if part and part.split("=")[0] not in ("page", "per_page")]
    return f"{call.web}{path}?" + "&".join([*others, f"per_page={size}", f"page={page}"])


def encoded(content: bytes) -> str:
    """Return base64 in lines of 60 characters, as GitHub sends it."""
    text = base64.b64encode(content).decode()
    return "".join(text[start : start + 60] + "\n" for start in range(0, len(text), 60))
