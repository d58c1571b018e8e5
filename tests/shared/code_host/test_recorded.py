"""Recorded answers of GitHub are parsed, and none of them crashes the adapter."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from infra import bundle
from infra.local.sandboxes.http import Reply, Request, Sandbox
from shared.code_host.github import GithubSettings
from shared.code_host.github_reader import GithubReader
from shared.code_host.github_writer import GithubWriter
from shared.code_host.port import FileWrite, PullRequestDraft
from shared.errors import IncidentCopilotError, Refused

RECORDED = bundle.ROOT.parent / "shared" / "payloads" / "github_api"
FILES = sorted(RECORDED.glob("*.json"))
pytestmark = pytest.mark.skipif(not FILES, reason=f"no recorded answers in {RECORDED}")

REPOSITORY = {"full_name": "octo/shop", "default_branch": "main", "owner": {"login": "octo"}, "archived": False}


class Answering(Sandbox):
    """Answers each path by `answers`, and everything else with `otherwise`."""

    def __init__(self, answers: dict[str, Reply], otherwise: Reply) -> None:
        super().__init__()
        self._answers, self._otherwise = answers, otherwise

    def answer(self, request: Request) -> Reply:
        """Return the recorded reply."""
        if request.path == "/repos/octo/shop":
            return Reply.of_json({**REPOSITORY, "url": f"{self.url}/repos/octo/shop"})
        return self._answers.get(request.path, self._otherwise)


def answers(name: str) -> list[tuple[int, Any]]:
    """Return status and body of each answer of a recording."""
    rows = json.loads((RECORDED / f"{name}.json").read_text())
    return [
        (row["response"]["status"], row["response"].get("body"))
        if "request" in row
        else (row["status"], row["response"])
        for row in rows
    ]


def settings(github: Sandbox) -> GithubSettings:
    """Settings that point to the sandbox."""
    return GithubSettings(github_token=SecretStr("t"), github_api_url=github.url, github_timeout_s=2)


def served(path: str, body: Any) -> Answering:
    """A GitHub with one repository and one other answer."""
    missing = Reply.of_json({"message": "Not Found"}, 404)
    return Answering({f"/repos/octo/shop/{path}": Reply.of_json(body)}, missing)


def test_recorded_list_of_commits_is_parsed() -> None:
    """Order, subjects, times and logins are GitHub's."""
    ((_, recorded),) = answers("pygithub_Repository.testGetCommitsWithArguments")
    # Old listings had no URL for a commit's page.
    rows = [{**row, "html_url": f"https://github.com/commit/{row['sha']}"} for row in recorded]
    with served("commits", rows) as github:
        commits = GithubReader(settings(github), "octo/shop").commits("main", limit=100)

    assert [commit.sha for commit in commits] == [row["sha"] for row in rows]
    assert [commit.subject for commit in commits] == [row["commit"]["message"].split("\n")[0] for row in rows]
    assert all(commit.at.utcoffset() is not None and commit.login for commit in commits)


def test_recorded_pull_request_is_found_by_its_branch() -> None:
    """Number, URL and state are GitHub's."""
    ((_, recorded),) = answers("pygithub_Repository.testCreatePull")
    answer = {**recorded, "draft": False}
    with served("pulls", [answer]) as github:
        existing = GithubWriter(settings(github), "octo/shop").pulls.of_branch(answer["head"]["ref"])

    assert existing is not None
    assert (existing.number, existing.url, existing.state) == (answer["number"], answer["html_url"], "open")


def test_recorded_search_returns_only_files_of_the_repository() -> None:
    """Files of other repositories are dropped."""
    recorded = answers("pygithub_Search.testSearchCode")[0][1]
    missing = Reply.of_json({"message": "Not Found"}, 404)
    replies = {"/search/code": Reply.of_json(recorded)}
    with Answering(replies, missing) as github:
        assert GithubReader(settings(github), "octo/shop").search("toto") == []


def test_recorded_repository_is_opened() -> None:
    """Its default branch is read, and nothing prevents writing."""
    ((_, recorded),) = answers("octokit_get-repository")
    with Answering({}, Reply.of_json(recorded)) as github:
        assert GithubReader(settings(github), recorded["full_name"]).default_branch() == recorded["default_branch"]
        assert GithubWriter(settings(github), recorded["full_name"]).obstacle() is None


REFUSALS = ["pygithub_Exceptions.testBadAuthentication", "pygithub_Exceptions.testInvalidInput", "octokit_errors"]


@pytest.mark.parametrize("name", REFUSALS)
def test_recorded_refusal_is_quoted(name: str) -> None:
    """401 and 422 become one sentence for the operator."""
    status, body = next(row for row in answers(name) if row[0] >= 400)
    with Answering({}, Reply.of_json(body, status)) as github, pytest.raises(Refused) as caught:
        GithubReader(settings(github), "octo/other").default_branch()

    assert f"GitHub answered {status} about the repository 'octo/other': {body['message']}" in str(caught.value)


CALLS: list[Callable[[GithubReader, GithubWriter], object]] = [
    lambda reader, _: reader.default_branch(),
    lambda reader, _: reader.resolve("main"),
    lambda reader, _: reader.paths("main"),
    lambda reader, _: reader.read("a.py", "main"),
    lambda reader, _: reader.commit("a" * 40),
    lambda reader, _: reader.commits("main"),
    lambda reader, _: reader.search("x"),
    lambda _, writer: writer.obstacle(),
    lambda _, writer: writer.commit_files("incident/x", "a" * 40, "m", [FileWrite("a.py", "x")]),
    lambda _, writer: writer.pulls.of_branch("incident/x"),
    lambda _, writer: writer.pulls.touching(["a.py"], "incident/"),
    lambda _, writer: writer.pulls.open(PullRequestDraft("incident/x", "main", "t", "b", "m", ("l",), ("ada",))),
]


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_recorded_answer_to_the_wrong_request_never_crashes(name: str) -> None:
    """Every recorded answer, sent to every request after the first, gives one of our errors or a result."""
    for status, body in answers(name):
        reply = Reply.of_json(body, status)
        with Answering({}, reply) as github:
            for call in CALLS:
                reader = GithubReader(settings(github), "octo/shop")
                try:
                    call(reader, GithubWriter(settings(github), "octo/shop"))
                except IncidentCopilotError as error:
                    assert str(error)  # noqa: PT017  # an error or a result, nothing else
