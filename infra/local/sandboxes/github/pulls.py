"""Pull requests, labels and comments: what GitHub stores outside git, here in one readable JSON file."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local.sandboxes.github import json_shapes as shape
from infra.local.sandboxes.github.api import ApiCall, GithubApiError, Handler, Json, invalid, not_found, paged
from infra.local.sandboxes.github.diff import changed_files
from infra.local.sandboxes.github.git import GitError, Person
from infra.local.sandboxes.github.webhook import PullRequestWebhook
from infra.local.sandboxes.http import Reply
from shared import clock


class PullStore:
    """The file: `{"pulls": [...], "labels": [...]}`; every change is written at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()

    def load(self) -> Json:
        """Return everything; empty when there is no file yet."""
        empty: Json = {"pulls": [], "labels": []}
        return json.loads(self.path.read_text()) if self.path.exists() else empty

    def change(self, edit: Callable[[Json], Any]) -> Any:
        """Apply `edit` to everything, write it back and return what `edit` returned."""
        with self.lock:
            content = self.load()
            result = edit(content)
            fresh = self.path.with_suffix(".new")
            fresh.write_text(json.dumps(content, indent=2) + "\n")
            fresh.replace(self.path)
            return result

    def find(self, number: int) -> Json:
        """Return one pull request. Raises GithubApiError 404."""
        for pull in self.load()["pulls"]:
            if pull["number"] == number:
                row: Json = pull
                return row
        raise not_found()


class PullEndpoints:
    """The endpoints that need the store; only `collaborators` can be reviewers, or everyone when it is None."""

    def __init__(
        self, store: PullStore, collaborators: frozenset[str] | None = None, webhook: PullRequestWebhook | None = None
    ) -> None:
        self._store = store
        self._collaborators = collaborators
        self._webhook = webhook

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return (method, path below the repository, handler)."""
        return [
            ("GET", r"pulls", self.list_pulls),
            ("POST", r"pulls", self.create_pull),
            ("GET", r"pulls/(\d+)", self.get_pull),
            ("PATCH", r"pulls/(\d+)", self.update_pull),
            ("GET", r"pulls/(\d+)/files", self.list_files),
            ("PUT", r"pulls/(\d+)/merge", self.merge_pull),
            ("POST", r"pulls/(\d+)/requested_reviewers", self.request_reviewers),
            ("GET", r"issues/(\d+)/labels", self.list_issue_labels),
            ("POST", r"issues/(\d+)/labels", self.add_labels),
            ("GET", r"issues/(\d+)/comments", self.list_comments),
            ("POST", r"issues/(\d+)/comments", self.add_comment),
            ("GET", r"labels", self.list_labels),
            ("POST", r"labels", self.create_label),
        ]

    def list_pulls(self, call: ApiCall) -> Reply:
        """GET /repos/{owner}/{repo}/pulls, newest first."""
        state = call.request.param("state") or "open"
        head, base = call.request.param("head"), call.request.param("base")
        rows = [
            pull
            for pull in reversed(self._store.load()["pulls"])
            if state in ("all", pull["state"])
            # GitHub ignores a head without its owner.
            and (":" not in head or head == f"{call.owner}:{pull['head']}")
            and base in ("", pull["base"])
        ]
        return paged(call, [shape.pull(call, pull) for pull in rows])

    def create_pull(self, call: ApiCall) -> Reply:
        """POST /repos/{owner}/{repo}/pulls."""
        body = call.body()
        head, base = str(body.get("head") or "").removeprefix(f"{call.owner}:"), str(body.get("base") or "")
        if not body.get("title"):
            raise invalid("PullRequest", "title", "missing_field")
        _check_branches(call, head, base)
        pull = self._store.change(lambda content: _insert(call, content, body, head, base))
        self._notify(call, "opened", pull)
        return Reply.of_json(shape.pull(call, pull), 201)

    def get_pull(self, call: ApiCall) -> Reply:
        """GET /repos/{owner}/{repo}/pulls/{number}."""
        return Reply.of_json(shape.pull(call, self._store.find(int(call.args[0]))))

    def update_pull(self, call: ApiCall) -> Reply:
        """PATCH /repos/{owner}/{repo}/pulls/{number}: title, body, state, base."""
        sent = {key: value for key, value in call.body().items() if key in ("title", "body", "state", "base")}
        if sent.get("state") not in (None, "open", "closed"):
            raise invalid("PullRequest", "state")
        if "state" in sent:
            sent["closed_at"] = shape.stamp(clock.now()) if sent["state"] == "closed" else None
        pull = self._edit(call, lambda pull: pull.update(sent))
        self._notify(call, {"closed": "closed", "open": "reopened"}.get(sent.get("state", ""), "edited"), pull)
        return Reply.of_json(shape.pull(call, pull))

    def merge_pull(self, call: ApiCall) -> Reply:
        """PUT /repos/{owner}/{repo}/pulls/{number}/merge, with a merge commit. Raises GithubApiError 405."""
        pull = self._store.find(int(call.args[0]))
        base, head = pull_ends(call, pull)
        if pull["state"] != "open" or pull["draft"]:
            raise GithubApiError(
                405, "Pull Request is still a draft" if pull["draft"] else "Pull Request is not mergeable"
            )
        try:
            tree = call.git.text("merge-tree", "--write-tree", base, head).split("\n")[0]
        except GitError:
            raise GithubApiError(405, "Pull Request has merge conflicts") from None
        who = Person("sandbox", "sandbox@users.noreply.github.com", clock.now())
        message = f"Merge pull request #{pull['number']} from {call.owner}/{pull['head']}"
        sha = call.git.write_commit(message, tree, [base, head], who, who).sha
        call.git.set_ref(f"refs/heads/{pull['base']}", sha, is_new=False)
        at = shape.stamp(clock.now())
        merged = {"state": "closed", "merged_at": at, "closed_at": at, "merge_commit": sha}
        self._notify(call, "closed", self._edit(call, lambda row: row.update(merged)))
        return Reply.of_json({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})

    def request_reviewers(self, call: ApiCall) -> Reply:
        """POST /repos/{owner}/{repo}/pulls/{number}/requested_reviewers; 422 when one of them is not allowed."""
        body = call.body()
        people, teams = list(body.get("reviewers") or []), list(body.get("team_reviewers") or [])
        if "sandbox" in people:
            raise GithubApiError(422, "Review cannot be requested from pull request author.")
        if self._collaborators is not None and not self._collaborators.issuperset([*people, *teams]):
            raise GithubApiError(422, "Reviews may only be requested from collaborators.")

        def ask(pull: Json) -> None:
            pull["reviewers"] = list(dict.fromkeys([*pull.get("reviewers", []), *people]))
            pull["teams"] = list(dict.fromkeys([*pull.get("teams", []), *teams]))

        return Reply.of_json(shape.pull(call, self._edit(call, ask)), 201)

    def list_files(self, call: ApiCall) -> Reply:
        """GET /repos/{owner}/{repo}/pulls/{number}/files."""
        pull = self._store.find(int(call.args[0]))
        base, head = pull_ends(call, pull)
        files = changed_files(call.git, call.git.merge_base(base, head), head)
        return paged(call, [shape.changed_file(call, file, head) for file in files])

    def list_issue_labels(self, call: ApiCall) -> Reply:
        """GET /repos/{owner}/{repo}/issues/{number}/labels."""
        return Reply.of_json([shape.label(call, name) for name in self._store.find(int(call.args[0]))["labels"]])

    def add_labels(self, call: ApiCall) -> Reply:
        """POST /repos/{owner}/{repo}/issues/{number}/labels: unknown labels are created, duplicates are ignored."""
        sent = call.request.json()
        names = sent.get("labels", []) if isinstance(sent, dict) else sent
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise invalid("Label", "name")

        def add(content: Json) -> Any:
            pull = _find(content, int(call.args[0]))
            pull["labels"] = list(dict.fromkeys([*pull["labels"], *names]))
            content["labels"] = list(dict.fromkeys([*content["labels"], *names]))
            return pull["labels"]

        return Reply.of_json([shape.label(call, name) for name in self._store.change(add)])

    def list_comments(self, call: ApiCall) -> Reply:
        """GET /repos/{owner}/{repo}/issues/{number}/comments."""
        return paged(call, self._store.find(int(call.args[0]))["comments"])

    def add_comment(self, call: ApiCall) -> Reply:
        """POST /repos/{owner}/{repo}/issues/{number}/comments."""
        text, number = call.body().get("body"), call.args[0]
        if not text:
            raise invalid("IssueComment", "body", "missing_field")

        def add(pull: Json) -> None:
            at, order = shape.stamp(clock.now()), len(pull["comments"]) + 1
            url = f"{call.repo_api}/issues/comments/{order}"
            page = f"{call.repo_web}/pull/{number}#issuecomment-{order}"
            row = {"id": order, "url": url, "html_url": page, "body": text, "created_at": at, "updated_at": at}
            pull["comments"].append({**row, "user": shape.user(call, "sandbox")})

        return Reply.of_json(self._edit(call, add)["comments"][-1], 201)

    def list_labels(self, call: ApiCall) -> Reply:
        """GET /repos/{owner}/{repo}/labels."""
        return paged(call, [shape.label(call, name) for name in self._store.load()["labels"]])

    def create_label(self, call: ApiCall) -> Reply:
        """POST /repos/{owner}/{repo}/labels."""
        name = call.body().get("name")
        if not isinstance(name, str) or not name:
            raise invalid("Label", "name", "missing_field")

        def add(content: Json) -> None:
            if name in content["labels"]:
                raise invalid("Label", "name", "already_exists")
            content["labels"].append(name)

        self._store.change(add)
        return Reply.of_json(shape.label(call, name), 201)

    def _notify(self, call: ApiCall, action: str, pull: Json) -> None:
        if self._webhook is not None:
            self._webhook.notify(call, action, pull)

    def _edit(self, call: ApiCall, edit: Callable[[Json], None]) -> Json:
        def apply(content: Json) -> Json:
            pull = _find(content, int(call.args[0]))
            edit(pull)
            pull["updated_at"] = shape.stamp(clock.now())
            return pull

        changed: Json = self._store.change(apply)
        return changed


def _check_branches(call: ApiCall, head: str, base: str) -> None:
    """Refuse a pull request between branches that do not exist or have no new commits. Raises GithubApiError 422."""
    heads = call.heads
    for field, name in (("head", head), ("base", base)):
        if name not in heads:
            raise invalid("PullRequest", field)
    if not call.git.count(f"{heads[base]}..{heads[head]}"):
        message = f"No commits between {base} and {head}"
        raise GithubApiError(
            422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}]
        )


def _insert(call: ApiCall, content: Json, body: Json, head: str, base: str) -> Json:
    if any(pull["state"] == "open" and (pull["head"], pull["base"]) == (head, base) for pull in content["pulls"]):
        message = f"A pull request already exists for {call.owner}:{head}."
        raise GithubApiError(
            422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}]
        )
    at = shape.stamp(clock.now())
    pull = {
        "number": len(content["pulls"]) + 1,
        "title": body["title"],
        "body": body.get("body"),
        "head": head,
        "base": base,
        "draft": bool(body.get("draft", False)),
        "state": "open",
        "labels": [],
        "comments": [],
        "created_at": at,
        "updated_at": at,
    }
    content["pulls"].append(pull)
    return pull


def _find(content: Json, number: int) -> Json:
    for pull in content["pulls"]:
        if pull["number"] == number:
            row: Json = pull
            return row
    raise not_found()


def pull_ends(call: ApiCall, pull: Json) -> tuple[str, str]:
    """Return the shas of base and head. Raises GithubApiError 404 when a branch is gone."""
    return call.commit_sha(f"refs/heads/{pull['base']}"), call.commit_sha(f"refs/heads/{pull['head']}")
