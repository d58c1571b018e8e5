"""What calls itself a revert is checked against the repository: only the exact inverse of a suspect commit is one."""

import pytest

from functions.file_updater.exact_revert import reverted_commit
from shared.code_host import edits
from shared.contracts import Branch, CodeAnalysis, Confirmation, FileEdit, Patch, SuspectCommit
from tests.builders import NOW, an_incident
from tests.fakes_code_host import GitReader, Repository
from tests.functions.pull_requests.conftest import CULPRIT, FIX, WritingSteps, code_analysis, incident, update_request

LOCATED = ["src/cart.py", "run.py"]
ALSO = FileEdit(path="run.py", original="print(1)", new="print(2)")
BUSY = Confirmation(what="cpu: 1 → 2.", shows_failure=False)


def updated(steps: WritingSteps, patch: Patch, **changes: object) -> Branch:
    """Call file_updater with this patch."""
    request = update_request(incident())
    analysis = code_analysis().replace(located_files=LOCATED)
    solution = request.solution.replace(patch=patch)
    return steps.update(request.replace(**{"code_analysis": analysis, "solution": solution, **changes}))


def revert(*changed: FileEdit, reverts: str | None = CULPRIT) -> Patch:
    """Return a patch that calls itself a revert."""
    return Patch(strategy="revert", reverts=reverts, files_to_modify=list(changed))


def test_exact_revert_is_written_and_named(steps: WritingSteps) -> None:
    """The answer says which commit was checked."""
    branch = updated(steps, revert(FIX))

    assert (branch.status, branch.reverts) == ("success", CULPRIT)
    assert f"This reverts commit {CULPRIT}." in steps.git("log", "-1", "--format=%B", str(branch.branch))


@pytest.mark.parametrize(
    "patch",
    [
        revert(FIX.replace(new="sum(items) + 0")),
        revert(FIX, ALSO),
        revert(FIX, reverts=None),
        revert(FIX, reverts="c" * 40),
    ],
    ids=["another text", "another file too", "of no commit", "of no suspect"],
)
def test_change_that_only_calls_itself_a_revert_waits_for_a_person(steps: WritingSteps, patch: Patch) -> None:
    """It is treated as a model's own change, whoever signed it."""
    branch = updated(steps, patch)

    assert (branch.status, branch.reverts, steps.branches()) == ("awaiting_approval", None, [])
    assert "It is not the exact revert of a suspect commit" in branch.message


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (
            FileEdit(path="src/windows.py", original="PRICE = 1", new="PRICE = 2"),
            "not a file that the evidence leads to",
        ),
        (FileEdit(path="docs/prices.md", original=None, new="x\n"), "it is no source code"),
    ],
    ids=["elsewhere", "content"],
)
def test_false_revert_may_change_no_more_than_a_model(steps: WritingSteps, edit: FileEdit, why: str) -> None:
    """Neither content nor a file that the evidence does not lead to."""
    branch = updated(steps, revert(FIX, edit))

    assert (branch.status, steps.branches()) == ("refused", [])
    assert why in branch.message


def test_revert_of_a_commit_outside_of_the_branch_is_none(tmp_path) -> None:
    """A code host serves commits of forks too, and undoing one brings back whatever its parent held."""
    repository = Repository(tmp_path / "shop")
    repository.commit({"cart.py": "a = 1\n"})
    head = repository.head()
    repository.git("checkout", "-q", "-b", "fork")
    repository.commit({"cart.py": "a = 1\nevil()\n"})
    innocent = repository.commit({"cart.py": "a = 1\n"})
    repository.git("checkout", "-q", "main")
    patch = revert(FileEdit(path="cart.py", original="a = 1\n", new="a = 1\nevil()\n"), reverts=innocent)
    analysis = CodeAnalysis(
        code_available=True, suspect_commits=[SuspectCommit(sha=innocent, at=NOW, score=1, why="it is new")]
    )
    reader = GitReader(repository.folder, "main")
    writes = edits.apply(patch.files_to_modify, lambda path: reader.read(path, head))

    assert reverted_commit(patch, writes, reader, innocent, analysis) == innocent
    assert reverted_commit(patch, writes, reader, head, analysis) is None


@pytest.mark.parametrize("confirmations", [[], [BUSY]], ids=["none", "load"])
def test_revert_that_log_text_alone_asks_for_waits_for_a_person(
    steps: WritingSteps, confirmations: list[Confirmation]
) -> None:
    """A user of the service may have written every line of it."""
    branch = updated(steps, revert(FIX), incident=an_incident(confirmations=confirmations, would_confirm="Set it up."))

    assert (branch.status, branch.reverts, steps.branches()) == ("awaiting_approval", CULPRIT, [])
    assert branch.message.endswith("a user of the service may have written that too. Set it up.")


def test_revert_without_an_incident_to_rest_on_waits_for_a_person(steps: WritingSteps) -> None:
    """Nothing shows the failure then."""
    assert updated(steps, revert(FIX), incident=None).status == "awaiting_approval"


@pytest.mark.parametrize(("patch", "status"), [(revert(FIX), "success"), (revert(FIX, ALSO), "awaiting_approval")])
def test_operator_may_let_log_text_be_enough_for_an_exact_revert(
    steps: WritingSteps, monkeypatch: pytest.MonkeyPatch, patch: Patch, status: str
) -> None:
    """For services whose loggers escape line ends; any other change waits all the same."""
    monkeypatch.setenv("PR_ON_LOGS_ALONE", "true")

    assert updated(steps, patch, incident=an_incident(confirmations=[])).status == status
