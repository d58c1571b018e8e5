"""The two steps that write: one branch, one commit, one pull request, or a clear reason."""

import json
from typing import Any

import pytest

from functions.code_analyzer.main import code_analyzer
from functions.file_updater.main import file_updater
from functions.pr_creator.main import pr_creator
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply, Request
from shared import traces
from shared.contracts import Branch, CodeAnalysisRequest, FileEdit, FileStat
from tests.builders import an_incident
from tests.functions.pull_requests.conftest import (
    FIX,
    REPO,
    TOKEN,
    House,
    incident,
    point_at,
    pull_request_request,
    status_of,
    update_request,
)


def edit(path: str, original: str | None, new: str | None) -> FileEdit:
    """One edit."""
    return FileEdit(path=path, original=original, new=new)


def test_patch_becomes_one_commit_and_one_draft(house: House) -> None:
    """What git shows and what GitHub keeps is the patch and nothing else."""
    branch, pull = house.both(incident())

    name = branch.branch or ""
    assert (branch.status, pull.status, pull.pr_number, pull.draft) == ("success", "success", 1, True)
    assert branch.stats == [FileStat(path="src/cart.py", lines_added=1, lines_removed=1)]
    assert house.git("rev-list", "--count", f"main..{name}") == "1"
    assert "1 file changed, 1 insertion(+), 1 deletion(-)" in house.git("show", "--stat", name)
    assert house.git("show", f"{name}:src/cart.py") == "def total(items):\n    return sum(items)"
    assert house.git("fsck", "--strict", "--no-dangling") == ""
    assert house.git("rev-parse", f"{name}^") == branch.base_commit == house.git("rev-parse", "main")


def test_pull_request_names_owners_labels_and_itself(house: House) -> None:
    """Owners of the changed file are asked, labels help to find it, the block says whose it is."""
    alert = incident()
    _, pull = house.both(alert)

    (kept,) = house.pulls()
    assert pull.reviewers == ["ada", "octo/payments"]
    assert (kept["reviewers"], kept["teams"]) == (["ada"], ["payments"])
    assert kept["labels"] == ["incident", "incident-copilot", "severity:high"]
    assert f'<!-- incident-copilot {{"incident_id":"{alert.incident_id}"' in kept["body"]
    record = traces.connect().incident(alert.incident_id)
    assert record is not None
    assert record.pull_request is not None
    assert (record.pull_request["state"], record.pull_request["number"]) == ("open", 1)


def test_second_call_is_answered_from_memory(house: House) -> None:
    """The same incident run twice asks GitHub nothing the second time."""
    alert = incident()
    first = house.both(alert)
    asked = len(house.github.requests)

    assert house.both(alert) == first
    assert len(house.github.requests) == asked


def test_second_run_without_memory_finds_the_first(house: House, monkeypatch: Any, tmp_path: Any) -> None:
    """Memory lost, everything is found again on GitHub: one branch, one commit, one pull request."""
    alert = incident()
    house.both(alert)
    monkeypatch.setenv("TRACES_PATH", str(tmp_path / "forgotten.sqlite3"))

    branch, pull = house.both(alert)

    assert (branch.status, pull.status, pull.pr_number) == ("exists", "exists", 1)
    assert (len(house.branches()), len(house.pulls())) == (1, 1)
    assert house.git("rev-list", "--count", f"main..{branch.branch}") == "1"


@pytest.mark.parametrize("end", ["closed", "merged"])
def test_pull_request_a_person_ended_is_not_opened_again(
    house: House, monkeypatch: Any, tmp_path: Any, end: str
) -> None:
    """Who merged or closed it knows why; a run without memory says so and links to it."""
    alert = incident()
    house.both(alert)
    kept = json.loads((house.git_dir / "pulls.json").read_text())
    kept["pulls"][0] |= {"state": "closed", "merged_at": "2026-05-04T03:10:00Z" if end == "merged" else None}
    (house.git_dir / "pulls.json").write_text(json.dumps(kept))
    house.git("update-ref", "-d", f"refs/heads/incident/{alert.incident_id}")
    monkeypatch.setenv("TRACES_PATH", str(tmp_path / "forgotten.sqlite3"))

    branch, pull = house.both(alert)

    assert (pull.status, pull.pr_number) == ("exists", 1)
    assert f"was {end} by a person" in branch.message
    assert (house.branches(), len(house.pulls())) == ([], 1)


def test_storm_on_the_same_file_is_one_pull_request(house: House) -> None:
    """The second incident on the same file links to the first one's; another file gets its own."""
    _, first = house.both(incident(1))
    branch, second = house.both(incident(2))
    _, third = house.both(incident(3), edit("run.sh", "echo one", "echo two"))

    assert (second.status, second.pr_url) == ("exists", first.pr_url)
    assert "inc-20260504-0000000001 changes the same files" in second.message
    assert branch.linked_pr_number == 1
    assert (third.status, third.pr_number, len(house.pulls()), len(house.branches())) == ("success", 2, 2, 2)


def test_incident_beside_one_that_writes_now_waits_for_none(house: House) -> None:
    """Between another's branch and its pull request the files are taken; this incident says so and writes nothing."""
    house.update(update_request(incident(1)))

    branch, pull = house.both(incident(2))

    assert (branch.status, pull.status) == ("skipped", "skipped")
    assert "inc-20260504-0000000001 is writing" in pull.message
    assert len(house.branches()) == 1


@pytest.mark.parametrize(("mode", "draft"), [("draft", True), ("ready", False)])
def test_mode_chooses_draft_or_ready(house: House, monkeypatch: Any, mode: str, draft: bool) -> None:
    """Draft unless told otherwise."""
    monkeypatch.setenv("PR_MODE", mode)

    assert house.both(incident())[1].draft is draft


def test_switched_off_means_nothing_is_asked(house: House, monkeypatch: Any) -> None:
    """PR_MODE=off writes nothing and says why."""
    monkeypatch.setenv("PR_MODE", "off")

    _, pull = house.both(incident())

    assert (pull.status, house.github.requests) == ("skipped", [])
    assert "PR_MODE is off" in pull.message


def test_mode_of_a_file_its_newlines_and_its_mark_are_kept(house: House) -> None:
    """An executable stays one; CRLF and the byte order mark stay; the neighbours keep every byte."""
    branch, _ = house.both(
        incident(),
        edit("run.sh", "echo one", "echo two"),
        edit("src/windows.py", "PRICE = 1\n", "PRICE = 2\nTAX = 3\n"),
    )

    name = branch.branch or ""
    assert house.git("show", f"{name}:src/windows.py") == "\ufeffPRICE = 2\r\nTAX = 3\r\nNAME = 'Zoë'"
    assert "100755" in house.git("ls-tree", name, "run.sh")
    assert house.git("diff", "--name-only", "main", name).split() == ["run.sh", "src/windows.py"]


REFUSED = [
    (edit("src/cart.py", "nowhere", "x"), "does not contain"),
    (edit("src/cart.py", "items", "x"), "more than once"),
    (edit("src/cart.py", "return", "return ("), "no longer parse"),
    (edit("logo.bin", "sum", "x"), "is binary"),
    (edit("logo.bin", None, "x"), "is binary"),
    (edit("src/latin.py", "NAME", "TITLE"), "no UTF-8 text"),
    (edit("large.py", "VALUE", "x"), "larger than 1 MB"),
    (edit("link.py", "def", "x"), "not in the repository"),
    (edit("link.py", None, "x"), "a link or a submodule"),
    (edit("module", None, "x"), "a link or a submodule"),
    (edit("module/x.py", None, "x"), "'module' is a file, a link or a submodule"),
    (edit("docs", None, "x"), None),
    (edit("src", None, "x"), "it is a folder"),
    (edit("../x", None, "x"), "'..' part"),
    (edit("CODEOWNERS", "@fallback", "@eve"), "protected"),
    (edit(".github/workflows/ci.yml", None, "on: push\n"), "protected"),
    (edit("src/new.py", None, "AWS = 'AKIA" + "IOSFODNN7EXAMPLQ'\n"), "looks like a secret"),
    (edit("src/new.py", None, "X = 1\n" * 1001), "PR_MAX_CHANGED_LINES"),
]


@pytest.mark.parametrize(("wrong", "words"), REFUSED)
def test_patch_in_doubt_is_refused_with_its_reason(house: House, wrong: FileEdit, words: str | None) -> None:
    """A clear status with the file's name, and nothing is written."""
    branch, pull = house.both(incident(), wrong)

    if words is None:
        assert branch.status == "success"
        return
    assert (branch.status, pull.status) == ("refused", "refused")
    assert words in pull.message
    assert (house.branches(), house.pulls()) == ([], [])


def test_too_many_files_are_refused(house: House, monkeypatch: Any) -> None:
    """The operator's bound holds."""
    monkeypatch.setenv("PR_MAX_FILES", "1")

    _, pull = house.both(incident(), FIX, edit("run.sh", "one", "two"))

    assert "2 files, PR_MAX_FILES allows 1" in pull.message


def test_base_that_moved_takes_the_patch_on_its_new_head(house: House) -> None:
    """Edits made for an older commit apply to what the branch holds now."""
    before = house.git("rev-parse", "main")
    moved = house.git("commit-tree", "main^{tree}", "-p", "main", "-m", "Meanwhile")
    house.git("update-ref", "refs/heads/main", moved)

    branch, _ = house.both(incident())

    assert branch.base_commit == moved != before


def test_base_that_lost_the_text_is_refused(house: House) -> None:
    """Somebody was faster: nothing is left to change."""
    house.git("update-ref", "refs/heads/main", "main~1")

    assert house.both(incident())[1].status == "refused"


def test_missing_branch_is_refused(house: House) -> None:
    """The branch is named."""
    request = update_request(incident())
    gone = request.model_copy(
        update={"code_analysis": request.code_analysis.model_copy(update={"base_branch": "gone"})}
    )

    branch = house.update(gone)

    assert (branch.status, branch.message) == ("refused", "octo/shop has no branch 'gone', or is empty")


def test_repository_nobody_allowed_is_refused_before_anything_is_asked(house: House) -> None:
    """A step that is led elsewhere, by whatever it was told, sends nothing there."""
    request = update_request(incident())
    led = request.model_copy(update={"code_analysis": request.code_analysis.model_copy(update={"repo": "evil/shop"})})

    status, body = status_of(file_updater, led)

    assert (status, body["error_type"], house.github.requests) == (424, "Refused", [])
    assert "GITHUB_ALLOWED_REPOS" in body["message"]


def test_alert_that_names_a_foreign_repository_is_analysed_without_code(house: House) -> None:
    """The brief says why, and the token stays at home."""
    alert = incident().model_copy(update={"github_repo": "evil/shop"})

    _, found = status_of(code_analyzer, CodeAnalysisRequest(alert=alert, incident=an_incident()))

    assert (found["code_available"], house.github.requests) == (False, [])
    assert "'evil/shop' is none of the repositories this house may touch" in found["degraded"]


def test_empty_repository_is_refused(tmp_path: Any, monkeypatch: Any, house: House) -> None:
    """Nothing was ever pushed."""
    house.git("init", "-q", "--bare", str(tmp_path / "empty.git"))
    with GithubSandbox(tmp_path / "empty.git", REPO, token=TOKEN) as empty:
        point_at(empty, monkeypatch)

        assert house.update(update_request(incident())).status == "refused"


def test_archived_repository_is_refused(house: House, monkeypatch: Any) -> None:
    """It is read-only, and said before anything is tried."""
    with GithubSandbox(house.git_dir, REPO, token=TOKEN, is_archived=True) as archived:
        point_at(archived, monkeypatch)
        branch, pull = house.both(incident())

        assert (branch.status, pull.message) == ("refused", "octo/shop is archived, so it is read-only")
        assert {request.method for request in archived.requests} == {"GET"}


TROUBLE: list[tuple[Reply, int]] = [
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


@pytest.mark.parametrize(("reply", "status"), TROUBLE)
@pytest.mark.parametrize("call", [0, 1, 5, 9])
def test_trouble_at_any_call_is_named_and_never_a_crash(house: House, call: int, reply: Reply, status: int) -> None:
    """Whatever GitHub answers at whatever moment, the step answers with an error of the house or goes on."""
    seen: list[str] = []

    def fault(request: Request) -> Reply | None:
        seen.append(request.method)
        return reply if len(seen) > call else None

    house.github.fault = fault
    found, body = status_of(file_updater, update_request(incident()))

    # A page for people in place of the repository itself means a wrong address: the operator's, so 500.
    allowed = {status, 504} if status == 503 else {status}
    assert found in allowed or body["error_type"] == "Misconfigured", body
    assert {"error_type", "message"} == set(body)
    if status == 429:
        assert "exceeded" in body["message"] or "too many" in body["message"]


def killing_points(house: House) -> list[tuple[int, bool]]:
    """Run both steps once and return each of their API calls, writes twice: cut before and after the effect."""
    house.both(incident(99))
    methods = [request.method for request in house.github.requests]
    return [(n, False) for n in range(len(methods))] + [(n, True) for n, m in enumerate(methods) if m != "GET"]


def test_step_killed_at_every_call_and_retried_is_one_of_each(
    house: House, pristine: Any, tmp_path: Any, monkeypatch: Any
) -> None:
    """From the cut on GitHub is silent, as for a process that died; the retry finds what was made."""
    points = killing_points(house)
    assert len(points) > 20
    for number, (call, is_done) in enumerate(points):
        git_dir = tmp_path / f"killed-{number}.git"
        git_dir.mkdir()
        house.git("clone", "-q", "--bare", str(pristine), str(git_dir))
        with GithubSandbox(git_dir, REPO, token=TOKEN) as github:
            point_at(github, monkeypatch)
            monkeypatch.setenv("TRACES_PATH", str(tmp_path / f"killed-{number}.sqlite3"))
            one = House(github, git_dir)
            killed(one, incident(number), call, is_done=is_done)
            where = f"killed at call {call}, {'after' if is_done else 'before'} its effect"
            assert len(one.branches()) == 1, where
            assert one.git("rev-list", "--count", f"main..{one.branches()[0]}") == "1", where
            assert [pull["state"] for pull in one.pulls()] == ["open"], where
            assert one.git("fsck", "--strict", "--no-dangling") == "", where


def killed(house: House, alert: Any, call: int, *, is_done: bool) -> None:
    """Run both steps with the cut, then again without, as the workflow's retries do."""
    seen: list[Request] = []

    def fault(request: Request) -> Reply | None:
        seen.append(request)
        if len(seen) <= call:
            return None
        if is_done and len(seen) == call + 1:
            house.github.fault = None
            house.github.answer(request)
            house.github.fault = fault
        return Reply(200, b" " * 64, is_truncated=True)

    house.github.fault = fault
    status, body = status_of(file_updater, update_request(alert))
    if status == 200:
        status_of(pr_creator, pull_request_request(alert, Branch.model_validate(body)))
    house.github.fault = None
    house.both(alert)
