"""The pull requests of one GitHub repository: find, open once, update."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Literal, Self

import github
from github.PullRequest import PullRequest
from github.Repository import Repository

from shared import log
from shared.code_host.github import GithubRepository, reading, require, search_again, writing
from shared.code_host.port import ExistingPullRequest, PullRequestDraft, PullRequestOpened
from shared.errors import IncidentCopilotError, Refused, Uncertain
from shared.http.parallel import AT_ONCE, in_parallel
from shared.redaction import redact

# How many open incident pull requests are compared; in a larger alert storm, one of these matches as well.
_PULLS_COMPARED = 30
_PULLS_LISTED = 200


class GithubPulls:
    """
    Search before creating, create with one request, and never reopen what a person closed.

    Source: https://docs.github.com/en/rest/pulls
    """

    def __init__(self, repository: GithubRepository) -> None:
        self._repository = repository

    def of_branch(self, branch: str) -> ExistingPullRequest | None:
        """
        Return the branch's pull request, preferably an open one, or None when it never had one.

        Raises Unavailable, Throttled, Refused.
        """
        with self._repository.connection() as lent:
            pulls = self._of_branch(lent.repository, branch, "all")
            chosen = next((pull for pull in pulls if pull.state == "open"), pulls[0] if pulls else None)
            return _existing(chosen) if chosen else None

    def touching(self, paths: Sequence[str], prefix: str) -> ExistingPullRequest | None:
        """
        Return the oldest open pull request of a branch that starts with `prefix` and changes one of `paths`.

        Raises Unavailable, Throttled, Refused.
        """
        open_pulls = f"the open pull requests of {self._repository.name!r}"
        with reading(open_pulls), self._repository.connection() as lent:
            listed = lent.repository.get_pulls(state="open", sort="created", direction="asc")
            prefixed = (pull for pull in islice(listed, _PULLS_LISTED) if pull.head.ref.startswith(prefix))
            own = islice((pull for pull in prefixed if self._is_own(pull)), _PULLS_COMPARED)
            pulls = [(_existing(pull), pull.url) for pull in own]
        for start in range(0, len(pulls), AT_ONCE):
            some = pulls[start : start + AT_ONCE]
            for (pull, _), names in zip(some, in_parallel(self._paths, [url for _, url in some]), strict=True):
                if not names.isdisjoint(paths):
                    return pull
        return None

    def _paths(self, pull_url: str) -> set[str]:
        """Return the paths that a pull request changes, the former ones of renamed files too."""
        with reading(f"the files of {pull_url!r}"), self._repository.connection() as lent:
            files = lent.client.create_from_raw_data(PullRequest, {"url": pull_url}).get_files()
            return {name for file in files for name in (file.filename, file.previous_filename) if name}

    def open_branches(self, prefix: str) -> list[str]:
        """
        Return the branches that start with `prefix` and have an open pull request, of the newest 200.

        Raises Unavailable, Throttled, Refused.
        """
        open_pulls = f"the open pull requests of {self._repository.name!r}"
        with reading(open_pulls), self._repository.connection() as lent:
            listed = lent.repository.get_pulls(state="open", sort="created", direction="desc")
            return [
                pull.head.ref
                for pull in islice(listed, _PULLS_LISTED)
                if pull.head.ref.startswith(prefix) and self._is_own(pull)
            ]

    def open(self, draft: PullRequestDraft) -> PullRequestOpened:
        """
        Open it, its title and body without secrets, or return the branch's open one; if that is ours, update both.

        If the plan has no drafts, open a normal one. Labels and reviewers that cannot be set are logged and left out.
        Raises Refused, Throttled, Unavailable, Uncertain (it may be open).
        """
        draft = replace(draft, title=redact(draft.title), body=redact(draft.body))
        pull = self._open_one(draft.branch)
        is_new = pull is None
        if pull is None:
            pull, is_new = self._create(draft)
        if not is_new:
            self._refresh(pull, draft)
        self._label(pull, draft.labels)
        reviewers = self._request_reviews(pull, draft.reviewers)
        return PullRequestOpened(pull.number, pull.html_url, bool(pull.draft), is_new, reviewers)

    def _open_one(self, branch: str) -> PullRequest | None:
        return next(iter(self._of_branch(self._repository.opened, branch, "open")), None)

    def _of_branch(self, repository: Repository, branch: str, state: str) -> list[PullRequest]:
        """Return the pull requests of a branch of this repository, newest first."""
        with reading(f"the pull requests of {branch!r} in {self._repository.name!r}"):
            listed = repository.get_pulls(state=state, head=f"{repository.owner.login}:{branch}")
            return [pull for pull in islice(listed, _PULLS_LISTED) if pull.head.ref == branch]

    def _is_own(self, pull: PullRequest) -> bool:
        """Return whether it is of this repository; a fork may use the same branch names."""
        head = pull.head.repo
        return bool(head) and head.full_name == self._repository.opened.full_name

    def _create(self, draft: PullRequestDraft) -> tuple[PullRequest, bool]:
        """Return the pull request and whether this call created it."""
        try:
            return self._send(draft), True
        except Uncertain:
            pull = search_again(lambda: self._open_one(draft.branch))
            if pull is None:
                raise
            return pull, True
        except Refused as refusal:
            if "already exists" not in str(refusal):
                raise
            pull = search_again(lambda: self._open_one(draft.branch))
            if pull is None:
                raise
            return pull, False

    def _send(self, draft: PullRequestDraft) -> PullRequest:
        with writing(f"a pull request from {draft.branch!r} to {draft.base_branch!r} in {self._repository.name!r}"):
            create, ends = self._repository.opened.create_pull, (draft.base_branch, draft.branch)
            try:
                return _complete(create(*ends, title=draft.title, body=draft.body, draft=draft.is_draft))
            except github.GithubException as error:
                # A private repository on a free plan has no drafts; the refusal is certain, so a second POST is safe.
                if error.status != 422 or "draft pull requests are not supported" not in str(error).lower():
                    raise
            return _complete(create(*ends, title=draft.title, body=draft.body, draft=False))

    def _refresh(self, pull: PullRequest, draft: PullRequestDraft) -> None:
        """Update our own text; leave a body that a person rewrote, or changed only by ticking boxes."""
        body = pull.body or ""
        if draft.marker not in body or body.replace("- [x]", "- [ ]").replace("\r\n", "\n") == draft.body:
            return
        with self._optional("body", pull), writing(f"the body of pull request {pull.number}"):
            pull.edit(title=draft.title, body=draft.body)

    def _label(self, pull: PullRequest, labels: Sequence[str]) -> None:
        """Add the missing labels; GitHub creates those that the repository does not have."""
        missing = [label for label in labels if label not in {existing.name for existing in pull.labels or ()}]
        if missing:
            with self._optional("labels", pull), writing(f"the labels of pull request {pull.number}"):
                # PyGithub sends a bare list, a form that GitHub does not document.
                send = self._repository.client.requester.requestJsonAndCheck
                send("POST", f"{pull.issue_url}/labels", input={"labels": missing})

    def _request_reviews(self, pull: PullRequest, reviewers: Sequence[str]) -> tuple[str, ...]:
        """Request reviews from all at once, or one by one when GitHub refuses; return all requested reviewers."""
        requested = [user.login for user in pull.requested_reviewers or ()]
        requested += [f"{self._repository.opened.owner.login}/{team.slug}" for team in pull.requested_teams or ()]
        # GitHub refuses a review request to the author.
        excluded = {name.lower() for name in [*requested, pull.user.login if pull.user else ""]}
        missing = [name for name in reviewers if name.lower() not in excluded]
        if not missing or self._request(pull, missing):
            return (*requested, *missing)
        return (*requested, *(name for name in missing if len(missing) > 1 and self._request(pull, [name])))

    def _request(self, pull: PullRequest, names: Sequence[str]) -> bool:
        with self._optional("reviewers", pull) as trial, writing(f"reviews of pull request {pull.number} by {names}"):
            people = [name for name in names if "/" not in name]
            pull.create_review_request(people, [name.split("/")[1] for name in names if "/" in name])
        return not trial.has_failed

    def _optional(self, what: str, pull: PullRequest) -> "_Optional":
        return _Optional(what, self._repository.name, pull.number)


class _Optional:
    """Logs and swallows our own errors: the pull request is required, the rest is optional."""

    def __init__(self, what: str, repo: str, number: int) -> None:
        self._facts = {"what": what, "repo": repo, "pr_number": number}
        self.has_failed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, IncidentCopilotError):
            return False
        self.has_failed = True
        log.warning(
            "code_host.optional_update_failed", **self._facts, error_type=type(error).__name__, reason=str(error)
        )
        return True


def _complete(pull: PullRequest) -> PullRequest:
    """Return a pull request that has a number and a URL; call it inside `writing`."""
    require(pull.number)
    require(pull.html_url)
    return pull


def _existing(pull: PullRequest) -> ExistingPullRequest:
    ended: Literal["merged", "closed"] = "merged" if pull.merged_at else "closed"
    return ExistingPullRequest(pull.number, pull.html_url, pull.head.ref, "open" if pull.state == "open" else ended)
