"""A sandbox of api.github.com on loopback, over a real git repository.

A branch created through the API is visible to plain `git`. Pull requests are stored in a JSON file in the repository's
folder, and each has a page (`/{owner}/{repo}/pull/{number}`), so that links to it work.

    python -m infra.local.sandboxes.github.server --git-dir repo.git --repo octo/shop --port 8085 --token secret
"""

import argparse
import os
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from infra.local.sandboxes.github import code as code
from infra.local.sandboxes.github import json_shapes as shape
from infra.local.sandboxes.github import objects as objects
from infra.local.sandboxes.github import pages as pages
from infra.local.sandboxes.github.api import ApiCall, GithubApiError, Handler, not_found
from infra.local.sandboxes.github.deployments import DEPLOYMENTS, DeploymentEndpoints
from infra.local.sandboxes.github.git import GitError, Repository
from infra.local.sandboxes.github.pulls import PullEndpoints, PullStore
from infra.local.sandboxes.github.webhook import PullRequestWebhook
from infra.local.sandboxes.http import Reply, Request, Sandbox
from shared import clock

_HOURLY_LIMIT = 5000

_REPOSITORY_ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", r"", code.get_repository),
    ("GET", r"branches", code.list_branches),
    ("GET", r"branches/(.+)", code.get_branch),
    ("GET", r"commits", code.list_commits),
    ("GET", r"commits/(.+)", code.get_commit),
    ("GET", r"compare/(.+?)\.\.\.(.+)", code.compare),
    ("GET", r"contents(?:/(.*))?", code.get_contents),
    ("GET", r"git/ref/(.+)", objects.get_ref),
    ("GET", r"git/refs", objects.list_refs),
    ("GET", r"git/matching-refs/(.+)", objects.list_refs),
    ("POST", r"git/refs", objects.create_ref),
    ("PATCH", r"git/refs/(.+)", objects.update_ref),
    ("DELETE", r"git/refs/(.+)", objects.delete_ref),
    ("GET", r"git/blobs/([^/]+)", objects.get_blob),
    ("POST", r"git/blobs", objects.create_blob),
    ("GET", r"git/trees/(.+)", objects.get_tree),
    ("POST", r"git/trees", objects.create_tree),
    ("GET", r"git/commits/([^/]+)", objects.get_git_commit),
    ("POST", r"git/commits", objects.create_commit),
]


class GithubSandbox(Sandbox):
    """
    GitHub for one repository; without `token` every client is admitted, `is_public` lets anonymous clients read.

    `fault`, called before each answer, may return a reply to use instead. Pull requests are stored in `pulls_path`, by
    default `<git_dir>/pulls.json`, and deployments and releases read from `deployments.json` in its folder; only
    `collaborators` (logins and team slugs) can be reviewers, or all when None.
    """

    def __init__(
        self,
        git_dir: Path,
        repo: str,
        *,
        token: str | None = None,
        default_branch: str = "main",
        port: int = 0,
        pulls_path: Path | None = None,
        is_public: bool = False,
        tree_limit: int = 100_000,
        is_archived: bool = False,
        collaborators: frozenset[str] | None = None,
        webhook: PullRequestWebhook | None = None,
        fault: Callable[[Request], Reply | None] | None = None,
    ) -> None:
        super().__init__(port)
        self.repo = repo
        self.fault = fault
        self._git = Repository(git_dir)
        self._token = token
        self._default_branch = default_branch
        self._is_public = is_public
        self._tree_limit = tree_limit
        self._is_archived = is_archived
        self._collaborators = collaborators
        self._webhook = webhook
        self._pulls = PullStore(pulls_path or git_dir / "pulls.json")
        self._deployments = DeploymentEndpoints(self._pulls.path.with_name(DEPLOYMENTS))
        self._routes = self._compiled_routes()
        self._used = 0
        self._count_lock = threading.Lock()

    def _compiled_routes(self) -> list[tuple[str, re.Pattern[str], Handler]]:
        pulls = PullEndpoints(self._pulls, self._collaborators, self._webhook)
        below = [*_REPOSITORY_ROUTES, *pulls.routes(), *self._deployments.routes()]
        prefix = f"/repos/{self.repo}"
        routes: list[tuple[str, str, Handler]] = [
            *((method, f"{re.escape(prefix)}/{path}".removesuffix("/"), handler) for method, path, handler in below),
            ("GET", "/search/code", code.search_code),
            ("GET", "/user", self._get_user),
            ("GET", "/rate_limit", self._get_rate_limit),
            ("POST", r"/app/installations/(\d+)/access_tokens", self._create_access_token),
        ]
        return [(method, re.compile(pattern), handler) for method, pattern, handler in routes]

    def stop(self) -> None:
        """Stop listening, and the process of git that stays."""
        super().stop()
        self._git.close()

    def answer(self, request: Request) -> Reply:
        """Answer one request as GitHub would."""
        faulty = self.fault(request) if self.fault else None
        if faulty is not None:
            return faulty
        try:
            reply = self._page(request) or self._api(request)
        except GithubApiError as error:
            reply = error.reply()
        except GitError as error:
            reply = GithubApiError(500, f"git failed: {error}").reply()
        return replace(reply, headers={**self._rate_headers(), **reply.headers})

    def _page(self, request: Request) -> Reply | None:
        """Answer the paths of HTML pages; return None for any other path."""
        pages_of = r"(pull|commit)/([0-9a-f]+)|compare/(.+?)\.\.\.(.+)|(deployments|releases)(?:/.*)?"
        match = re.fullmatch(rf"/{re.escape(self.repo)}/(?:{pages_of})", request.path)
        if request.method != "GET" or match is None:
            return None
        if match[5]:
            return pages.list_page(self._call(request, [match[5]], ""), self._deployments)
        if match[1] is None:
            return pages.compare_page(self._call(request, [match[3], match[4]], ""))
        call = self._call(request, [match[2]], "")
        return pages.pull_page(call, self._pulls) if match[1] == "pull" else pages.commit_page(call)

    def _api(self, request: Request) -> Reply:
        prefix = "/api/v3" if request.path.startswith("/api/v3/") else ""
        path = request.path.removeprefix(prefix)
        self._check_token(request, path)
        if self._is_archived and request.method not in ("GET", "HEAD") and path.startswith("/repos/"):
            raise GithubApiError(403, "Repository was archived so is read-only.")
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and request.method in (method, "HEAD" if method == "GET" else method):
                return handler(self._call(request, [group or "" for group in match.groups()], prefix))
        raise not_found()

    def _check_token(self, request: Request, path: str) -> None:
        """Admit requests with the token. Raises GithubApiError: 401 for a wrong one, 404 hides a private repository."""
        authorization = request.headers.get("Authorization", "")
        if self._token is None or path.startswith("/app/"):
            return
        if authorization:
            if authorization.split(" ", 1)[-1] != self._token:
                raise GithubApiError(401, "Bad credentials")
        elif request.method != "GET" or path in ("/search/code", "/user"):
            raise GithubApiError(401, "Requires authentication")
        elif not self._is_public:
            raise not_found()

    def _call(self, request: Request, args: list[str], prefix: str) -> ApiCall:
        # Links use the host name of the client, which may not be 127.0.0.1.
        web = f"http://{request.headers.get('Host') or self.url.removeprefix('http://')}"
        place = (self._git, self.repo, self._default_branch, web, web + prefix)
        return ApiCall(request, args, *place, self._tree_limit, self._is_archived)

    def _rate_headers(self) -> dict[str, str]:
        with self._count_lock:
            self._used += 1
            remaining = max(0, _HOURLY_LIMIT - self._used)
        return {
            "X-RateLimit-Limit": str(_HOURLY_LIMIT),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(int((clock.now() + timedelta(hours=1)).timestamp())),
            "X-RateLimit-Resource": "core",
            "X-GitHub-Request-Id": f"SANDBOX:{self._used}",
        }

    def _get_user(self, call: ApiCall) -> Reply:
        return Reply.of_json(shape.user(call, "sandbox"))

    def _get_rate_limit(self, _: ApiCall) -> Reply:
        reset = int((clock.now() + timedelta(hours=1)).timestamp())
        core = {"limit": _HOURLY_LIMIT, "used": self._used, "remaining": _HOURLY_LIMIT - self._used, "reset": reset}
        search = {"limit": 30, "used": 0, "remaining": 30, "reset": reset}
        return Reply.of_json({"resources": {"core": core, "search": search}, "rate": core})

    def _create_access_token(self, call: ApiCall) -> Reply:
        """Give an app's installation the sandbox's own token, without a check of the app's signature."""
        if not call.request.headers.get("Authorization", "").startswith("Bearer "):
            raise GithubApiError(401, "A JSON web token could not be decoded")
        body = {"token": self._token or "", "expires_at": shape.stamp(clock.now() + timedelta(hours=1))}
        return Reply.of_json({**body, "permissions": {"contents": "write"}, "repository_selection": "selected"}, 201)


def main() -> None:
    """Serve one repository until interrupted; without --token, GITHUB_TOKEN is the token."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.sandboxes.github.server", description=main.__doc__)
    parser.add_argument("--git-dir", type=Path, required=True, help="bare repository, or .git folder")
    parser.add_argument("--repo", required=True, help="name of the repository, owner/name")
    parser.add_argument("--port", type=int, default=0, help="with 0 the system chooses")
    parser.add_argument("--token", default=os.environ.get("GITHUB_TOKEN"))
    parser.add_argument("--default-branch", default="main")
    parser.add_argument("--webhook-url", help="receives pull_request events, signed with GITHUB_WEBHOOK_SECRET")
    parser.add_argument("--public", action="store_true", help="let anonymous clients read")
    args = parser.parse_args()
    GithubSandbox(
        args.git_dir,
        args.repo,
        token=args.token,
        default_branch=args.default_branch,
        port=args.port,
        is_public=args.public,
        webhook=PullRequestWebhook(args.webhook_url, os.environ["GITHUB_WEBHOOK_SECRET"]) if args.webhook_url else None,
    ).serve_until_interrupted()


if __name__ == "__main__":
    main()
