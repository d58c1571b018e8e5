"""The two steps that write: one branch, one commit, one pull request, or a clear reason."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from functions.code_analyzer.main import code_analyzer
from functions.file_updater.main import file_updater
from functions.pr_creator.main import pr_creator
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply, Request
from shared import clock, traces
from shared.contracts import Branch, CodeAnalysisRequest, FileEdit, FileStat
from shared.step.steps import FILE_UPDATER
from shared.traces.pull_request_record import PullRequestRecord
from tests import step_calls
from tests.builders import an_incident
from tests.functions.pull_requests.conftest import (
    FIX,
    REPO,
    TOKEN,
    WritingSteps,
    answered,
    incident,
    point_at,
    pull_request_request,
    status_of,
    update_request,
)


def edit(path: str, original: str | None, new: str | None) -> FileEdit:
    """One edit."""
    return FileEdit(path=path, original=original, new=new)


def test_patch_becomes_one_commit_and_one_draft(steps: WritingSteps) -> None:
    """Git and GitHub hold the patch and nothing else."""
    branch, pull = steps.both(incident())

    name = branch.branch or ""
    assert (branch.status, pull.status, pull.pr_number, pull.draft) == ("success", "success", 1, True)
    assert branch.stats == [FileStat(path="src/cart.py", lines_added=1, lines_removed=1)]
    assert steps.git("rev-list", "--count", f"main..{name}") == "1"
    assert "1 file changed, 1 insertion(+), 1 deletion(-)" in steps.git("show", "--stat", name)
    assert steps.git("show", f"{name}:src/cart.py") == "def total(items):\n    return sum(items)"
    assert steps.git("fsck", "--strict", "--no-dangling") == ""
    assert steps.git("rev-parse", f"{name}^") == branch.base_commit == steps.git("rev-parse", "main")


def test_pull_request_has_owners_labels_and_its_incident(steps: WritingSteps) -> None:
    """Owners of the changed file are asked, labels help to find it, the hidden block names the incident."""
    alert = incident()
    _, pull = steps.both(alert)

    (stored,) = steps.pulls()
    assert pull.reviewers == ["ada", "octo/payments"]
    assert (stored["reviewers"], stored["teams"]) == (["ada"], ["payments"])
    assert stored["labels"] == ["incident", "incident-copilot", "severity:high"]
    assert f'<!-- incident-copilot {{"incident_id":"{alert.incident_id}"' in stored["body"]
    record = traces.connect().incident(alert.incident_id)
    assert record is not None
    assert record.pull_request is not None
    assert (record.pull_request.state, record.pull_request.number) == ("open", 1)


def test_second_call_is_answered_from_the_trace_store(steps: WritingSteps) -> None:
    """The second run of an incident sends GitHub no request."""
    alert = incident()
    first = steps.both(alert)
    request_count = len(steps.github.requests)

    assert steps.both(alert) == first
    assert len(steps.github.requests) == request_count


def test_second_run_without_a_trace_finds_the_first(steps: WritingSteps, monkeypatch: Any, tmp_path: Any) -> None:
    """With the trace lost, everything is found again on GitHub: one branch, one commit, one pull request."""
    alert = incident()
    steps.both(alert)
    monkeypatch.setenv("TRACES_PATH", str(tmp_path / "forgotten.sqlite3"))

    branch, pull = steps.both(alert)

    assert (branch.status, pull.status, pull.pr_number) == ("exists", "exists", 1)
    assert (len(steps.branches()), len(steps.pulls())) == (1, 1)
    assert steps.git("rev-list", "--count", f"main..{branch.branch}") == "1"


@pytest.mark.parametrize("end", ["closed", "merged"])
def test_pull_request_closed_by_a_person_is_not_opened_again(
    steps: WritingSteps, monkeypatch: Any, tmp_path: Any, end: str
) -> None:
    """Merged or closed: a run without a trace says so and links to it."""
    alert = incident()
    steps.both(alert)
    stored = json.loads((steps.git_dir / "pulls.json").read_text())
    stored["pulls"][0] |= {"state": "closed", "merged_at": "2026-05-04T03:10:00Z" if end == "merged" else None}
    (steps.git_dir / "pulls.json").write_text(json.dumps(stored))
    steps.git("update-ref", "-d", f"refs/heads/incident/{alert.incident_id}")
    monkeypatch.setenv("TRACES_PATH", str(tmp_path / "forgotten.sqlite3"))

    branch, pull = steps.both(alert)

    assert (pull.status, pull.pr_number) == ("exists", 1)
    assert f"was {end} by a person" in branch.message
    assert (steps.branches(), len(steps.pulls())) == ([], 1)


@pytest.mark.usefixtures("anything_is_a_revert")
def test_storm_on_the_same_file_is_one_pull_request(steps: WritingSteps) -> None:
    """The second incident on the same file links to the first one's; another file gets its own."""
    _, first = steps.both(incident(1))
    branch, second = steps.both(incident(2))
    _, third = steps.both(incident(3), edit("run.py", "print(1)", "print(2)"))

    assert (second.status, second.pr_url) == ("exists", first.pr_url)
    assert "inc-20260504-0000000001 changes the same files" in second.message
    assert branch.linked_pr_number == 1
    assert (third.status, third.pr_number, len(steps.pulls()), len(steps.branches())) == ("success", 2, 2, 2)


def test_incident_is_skipped_while_another_writes_the_same_files(steps: WritingSteps) -> None:
    """While another incident has a branch and no pull request yet, this one says so and writes nothing."""
    steps.update(update_request(incident(1)))

    branch, pull = steps.both(incident(2))

    assert (branch.status, pull.status) == ("skipped", "skipped")
    assert "inc-20260504-0000000001 is writing" in pull.message
    assert len(steps.branches()) == 1


@pytest.mark.usefixtures("anything_is_a_revert")
def test_repository_with_enough_open_pull_requests_gets_no_other(steps: WritingSteps, monkeypatch: Any) -> None:
    """Over the brake nothing is written, and the message says how to go on; a retry of an open one is no other."""
    monkeypatch.setenv("PR_MAX_OPEN_PER_REPO", "1")
    _, first = steps.both(incident(1))
    branch, second = steps.both(incident(2), edit("run.sh", "echo one", "echo two"))

    assert (first.status, branch.status, second.status) == ("success", "refused", "refused")
    assert "PR_MAX_OPEN_PER_REPO is 1" in second.message
    assert "Merge or close some" in second.message
    assert (len(steps.pulls()), len(steps.branches())) == (1, 1)


@pytest.mark.usefixtures("anything_is_a_revert")
def test_change_that_waits_for_approval_is_asked_for_once(steps: WritingSteps, monkeypatch: Any) -> None:
    """A second incident on the same files names the first; once that was declined, the third asks again."""
    monkeypatch.setenv("PR_MODE", "approval")
    until = clock.now() + timedelta(hours=1)
    first = steps.update(update_request(incident(1)))
    waiting = PullRequestRecord(state="awaiting_approval", approve_until=until)
    traces.connect().set_pull_request(incident(1).incident_id, waiting)
    second = steps.update(update_request(incident(2)))
    elsewhere = steps.update(update_request(incident(3), edit("run.py", "print(1)", "print(2)")))
    traces.connect().set_pull_request(incident(1).incident_id, waiting.replace(state="declined"))
    third = steps.update(update_request(incident(4)))

    assert [one.status for one in (first, second, elsewhere, third)] == [
        "awaiting_approval", "skipped", "awaiting_approval", "awaiting_approval",
    ]  # fmt: skip
    assert f"Incident {incident(1).incident_id} waits for the approval" in second.message


@pytest.mark.parametrize(("mode", "draft"), [("draft", True), ("ready", False)])
def test_mode_chooses_draft_or_ready(steps: WritingSteps, monkeypatch: Any, mode: str, draft: bool) -> None:
    """PR_MODE decides."""
    monkeypatch.setenv("PR_MODE", mode)

    assert steps.both(incident())[1].draft is draft


def test_mode_off_sends_no_request(steps: WritingSteps, monkeypatch: Any) -> None:
    """PR_MODE=off writes nothing and says why."""
    monkeypatch.setenv("PR_MODE", "off")

    _, pull = steps.both(incident())

    assert (pull.status, steps.github.requests) == ("skipped", [])
    assert "PR_MODE is off" in pull.message


@pytest.mark.usefixtures("anything_is_a_revert")
def test_file_mode_newlines_and_byte_order_mark_are_kept(steps: WritingSteps) -> None:
    """An executable stays one; CRLF and the byte order mark stay; all other lines keep every byte."""
    branch, _ = steps.both(
        incident(),
        edit("run.py", "print(1)", "print(2)"),
        edit("src/windows.py", "PRICE = 1\n", "PRICE = 2\nTAX = 3\n"),
    )

    name = branch.branch or ""
    assert steps.git("show", f"{name}:src/windows.py") == "\ufeffPRICE = 2\r\nTAX = 3\r\nNAME = 'Zoë'"
    assert "100755" in steps.git("ls-tree", name, "run.py")
    assert steps.git("diff", "--name-only", "main", name).split() == ["run.py", "src/windows.py"]


REFUSED = [
    (edit("src/cart.py", "nowhere", "x"), "does not contain"),
    (edit("src/cart.py", "items", "x"), "more than once"),
    (edit("src/cart.py", "return", "return ("), "no longer parse"),
    (edit("logo.bin", "sum", "x"), "is binary"),
    (edit("logo.bin", None, "x"), "is binary"),
    (edit("src/latin.py", "NAME", "TITLE"), "not UTF-8 text"),
    (edit("large.py", "VALUE", "x"), "larger than 1 MB"),
    (edit("link.py", "def", "x"), "not in the repository"),
    (edit("link.py", None, "x"), "a link or a submodule"),
    (edit("module", None, "x"), "not changed automatically"),
    (edit("module/x.py", None, "x"), "'module' is a file, a link or a submodule"),
    (edit("docs.md", None, "x"), None),
    (edit("src", None, "x"), "not changed automatically"),
    (edit("page.html", None, "x"), "it is a folder"),
    (edit("../x", None, "x"), "'..' part"),
    (edit("CODEOWNERS", "@fallback", "@eve"), "not changed automatically"),
    (edit(".github/workflows/ci.yml", None, "on: push\n"), "not changed automatically"),
    (edit("src/new.py", None, "AWS = 'AKIA" + "IOSFODNN7EXAMPLQ'\n"), "looks like a secret"),
    (edit("src/new.py", None, "X = 1\n" * 1001), "PR_MAX_CHANGED_LINES"),
]


@pytest.mark.usefixtures("anything_is_a_revert")
@pytest.mark.parametrize(("wrong", "words"), REFUSED)
def test_patch_in_doubt_is_refused_with_its_reason(steps: WritingSteps, wrong: FileEdit, words: str | None) -> None:
    """A clear status with the file's name, and nothing is written."""
    branch, pull = steps.both(incident(), wrong)

    if words is None:
        assert branch.status == "success"
        return
    assert (branch.status, pull.status) == ("refused", "refused")
    assert words in pull.message
    assert (steps.branches(), steps.pulls()) == ([], [])


@pytest.mark.usefixtures("anything_is_a_revert")
def test_too_many_files_are_refused(steps: WritingSteps, monkeypatch: Any) -> None:
    """The operator's limit holds."""
    monkeypatch.setenv("PR_MAX_FILES", "1")

    _, pull = steps.both(incident(), FIX, edit("run.py", "print(1)", "print(2)"))

    assert "2 files, PR_MAX_FILES allows 1" in pull.message


def test_patch_is_applied_to_the_new_head_of_a_moved_base(steps: WritingSteps) -> None:
    """Edits made for an older commit apply to what the branch holds now."""
    before = steps.git("rev-parse", "main")
    moved = steps.git("commit-tree", "main^{tree}", "-p", "main", "-m", "Meanwhile")
    steps.git("update-ref", "refs/heads/main", moved)

    branch, _ = steps.both(incident())

    assert branch.base_commit == moved != before


def test_base_that_lost_the_text_is_refused(steps: WritingSteps) -> None:
    """Another change was faster: nothing is left to edit."""
    steps.git("update-ref", "refs/heads/main", "main~1")

    assert steps.both(incident())[1].status == "refused"


def test_missing_branch_is_refused(steps: WritingSteps, monkeypatch: Any) -> None:
    """The branch is named."""
    monkeypatch.setenv("GITHUB_BASE_BRANCH", "gone")

    branch = steps.update(update_request(incident()))

    assert (branch.status, branch.message) == ("refused", "octo/shop has no branch 'gone', or is empty")


def test_patch_of_another_repository_is_refused_before_any_request(steps: WritingSteps) -> None:
    """Whatever the trace says was read, the step writes to the service's own repository alone."""
    request = update_request(incident())

    branch = steps.update(request.replace(code_analysis=request.code_analysis.replace(repo="evil/shop")))

    assert (branch.status, steps.github.requests) == ("refused", [])
    assert branch.message == "The patch is for 'evil/shop', but 'checkout-api' is built from 'octo/shop'"


def test_alert_that_names_a_foreign_repository_is_refused_before_any_request(steps: WritingSteps) -> None:
    """The operator decides which repositories are written, not who sends alerts."""
    status, body = status_of(file_updater, update_request(incident(github_repo="evil/shop")))

    assert (status, body["error_type"], steps.github.requests) == (424, "Refused", [])
    assert "GITHUB_ALLOWED_REPOS" in body["message"]


def test_alert_that_names_a_foreign_repository_is_analysed_without_code(steps: WritingSteps) -> None:
    """The brief says why, and no request carries the token."""
    request = CodeAnalysisRequest(alert=incident(github_repo="evil/shop"), incident=an_incident())

    analysis = answered(code_analyzer, request)

    assert (analysis["code_available"], steps.github.requests) == (False, [])
    assert "'evil/shop' is not an allowed repository" in analysis["degraded"]


@pytest.mark.parametrize(
    ("forged", "named"),
    [
        ({"branch": "feature/evil"}, "this incident's is 'incident/inc-20260504-0000000001'"),
        ({"branch": "incident/inc-20260504-0000000002"}, "this incident's is 'incident/inc-20260504-0000000001'"),
        ({"repo": "evil/shop"}, "'checkout-api' is built from 'octo/shop'"),
        ({"base_branch": "release"}, "it must be 'main'"),
    ],
)
@pytest.mark.parametrize("status", ["success", "awaiting_approval"])
def test_pull_request_of_any_other_branch_is_refused(
    steps: WritingSteps, monkeypatch: Any, forged: dict[str, str], named: str, status: str
) -> None:
    """Even when the trace holds another branch, none is opened or asked for but the incident's own."""
    monkeypatch.setenv("GITHUB_BASE_BRANCH", "main")
    alert = incident()
    own = {"repo": REPO, "branch": f"incident/{alert.incident_id}", "base_branch": "main"}
    branch = Branch.model_validate({"status": status, **own, **forged})

    code, body = status_of(pr_creator, pull_request_request(alert, branch))

    assert (code, body["error_type"], steps.pulls()) == (400, "Rejected", [])
    assert named in body["message"]


def test_empty_repository_is_refused(tmp_path: Any, monkeypatch: Any, steps: WritingSteps) -> None:
    """Nothing was ever pushed."""
    steps.git("init", "-q", "--bare", str(tmp_path / "empty.git"))
    with GithubSandbox(tmp_path / "empty.git", REPO, token=TOKEN) as empty:
        point_at(empty, monkeypatch)

        assert steps.update(update_request(incident())).status == "refused"


def test_archived_repository_is_refused(steps: WritingSteps, monkeypatch: Any) -> None:
    """It is read-only, and the step says so before any write."""
    with GithubSandbox(steps.git_dir, REPO, token=TOKEN, is_archived=True) as archived:
        point_at(archived, monkeypatch)
        branch, pull = steps.both(incident())

        assert (branch.status, pull.message) == ("refused", "octo/shop is archived, so it is read-only")
        assert {request.method for request in archived.requests} == {"GET"}


ERRORS: list[tuple[Reply, int]] = [
    (Reply.of_json({"message": "You have exceeded a secondary rate limit."}, 403, {"Retry-After": "7"}), 429),
    (Reply.of_json({"message": "API rate limit exceeded"}, 403, {"X-RateLimit-Remaining": "0"}), 429),
    (Reply.of_json({"message": "too many"}, 429), 429),
    (Reply.of_json({"message": "Server Error"}, 500), 503),
    (Reply(502), 503),
    (Reply(503), 503),
    (Reply.of_json({"message": "Resource not accessible by integration"}, 403), 424),
    (Reply.of_json({"message": "Validation Failed", "errors": [{"message": "no"}]}, 422), 424),
    (Reply.of_text("<html>", 200), 503),
    (Reply(200, b'{"cut": 1}' * 50, {"Content-Type": "application/json"}, is_truncated=True), 503),
]


@pytest.mark.parametrize(("reply", "status"), ERRORS)
@pytest.mark.parametrize("call", [0, 1, 5, 9])
def test_error_at_any_call_is_named_and_never_a_crash(
    steps: WritingSteps, call: int, reply: Reply, status: int
) -> None:
    """Whatever GitHub answers to any call, the step answers with one of our errors."""
    seen: list[str] = []

    def fault(request: Request) -> Reply | None:
        seen.append(request.method)
        return reply if len(seen) > call else None

    steps.github.fault = fault
    request = update_request(incident())
    answered, body = status_of(file_updater, request)

    if (answered, reply.status) == (200, 422):
        # About the name of a branch, 422 is an answer: there is none.
        assert "has no branch 'main'" in step_calls.answer_of(FILE_UPDATER, request).body["message"]
        return
    # An HTML page in place of the repository means a wrong address: the operator must act, so 500.
    allowed = {status, 504} if status == 503 else {status}
    assert answered in allowed or body["error_type"] == "Misconfigured", body
    assert {"error_type", "message"} == set(body)
    if status == 429:
        assert "exceeded" in body["message"] or "too many" in body["message"]


def test_what_a_branch_needs_first_is_read_at_the_same_time(steps: WritingSteps) -> None:
    """The head of the base branch and three lists of pull requests: GitHub takes a moment for each."""
    together = threading.Barrier(4, timeout=10)

    def fault(request: Request) -> None:
        if request.path.endswith(("/pulls", "/commits/main")):
            together.wait()

    steps.github.fault = fault

    assert steps.update(update_request(incident())).status == "success"
    assert not together.broken


def killing_points(steps: WritingSteps) -> list[tuple[int, bool]]:
    """Run both steps once and return each of their API calls, writes twice: killed before and after the effect."""
    steps.both(incident(99))
    methods = [request.method for request in steps.github.requests]
    return [(n, False) for n in range(len(methods))] + [(n, True) for n, m in enumerate(methods) if m != "GET"]


def test_step_killed_at_every_call_and_retried_is_one_of_each(
    steps: WritingSteps, pristine: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    """After the kill GitHub answers nothing, as to a process that died; the retry finds what was made."""
    points = killing_points(steps)
    assert len(points) > 20
    for number, (call, is_done) in enumerate(points):
        git_dir = tmp_path / f"killed-{number}.git"
        git_dir.mkdir()
        steps.git("clone", "-q", "--bare", str(pristine), str(git_dir))
        with GithubSandbox(git_dir, REPO, token=TOKEN) as github:
            point_at(github, monkeypatch)
            monkeypatch.setenv("TRACES_PATH", str(tmp_path / f"killed-{number}.sqlite3"))
            one = WritingSteps(github, git_dir)
            killed(one, incident(number), call, is_done=is_done)
            where = f"killed at call {call}, {'after' if is_done else 'before'} its effect"
            assert len(one.branches()) == 1, where
            assert one.git("rev-list", "--count", f"main..{one.branches()[0]}") == "1", where
            assert [pull["state"] for pull in one.pulls()] == ["open"], where
            assert one.git("fsck", "--strict", "--no-dangling") == "", where


def killed(steps: WritingSteps, alert: Any, call: int, *, is_done: bool) -> None:
    """Run both steps killed at `call`, then again in full, as the workflow's retries do."""
    seen: list[Request] = []

    def fault(request: Request) -> Reply | None:
        seen.append(request)
        if len(seen) <= call:
            return None
        if is_done and len(seen) == call + 1:
            steps.github.fault = None
            steps.github.answer(request)
            steps.github.fault = fault
        return Reply(200, b" " * 64, is_truncated=True)

    steps.github.fault = fault
    request = update_request(alert)
    status, _ = status_of(file_updater, request)
    if status == 200:
        branch = Branch.model_validate(step_calls.answer_of(FILE_UPDATER, request).body)
        status_of(pr_creator, pull_request_request(alert, branch))
    steps.github.fault = None
    steps.both(alert)


def test_foreign_branch_that_is_named_like_ours_holds_no_patch_back(
    steps: WritingSteps, monkeypatch: Any, tmp_path: Any
) -> None:
    """Whoever may push could keep every pull request of ours away; no incident stands behind it."""
    steps.both(incident(1))
    monkeypatch.setenv("TRACES_PATH", str(tmp_path / "without-the-first.sqlite3"))

    branch, pull = steps.both(incident(2))

    assert (branch.status, pull.status, len(steps.pulls())) == ("success", "success", 2)
