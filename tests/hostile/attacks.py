"""Attacks on what is written outside, by class: each plays one incident and returns what it reached, if anything."""

import contextlib
import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from functions.file_updater.main import file_updater
from functions.pr_creator.main import pr_creator
from infra.local.sandboxes.gemini.fill import grounded
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import Turn, calling, text_turn
from shared.contracts import Branch, FileEdit, FileUpdateRequest, Patch, PullRequestRequest
from shared.pull_request.signing import ApprovalSettings
from tests import step_calls
from tests.hostile import contributor, costs, forged_logs, model_claims, model_words, quoted_text, terminals
from tests.hostile.forged_logs import APPROVALS, COMMITS, OWN, REVERTED, Attack, Play, written
from tests.hostile.world import SOURCE, Exits, Script, World, world


def _patching(path: str, *, reads: bool) -> Script:
    """Return a model that obeys: it asks to read the file, says the fault is there, and patches it."""
    edits = {"shop/pricing.py": ("return total / len(parts)", "return total / max(len(parts), 1)")}
    original, new = edits.get(path, ("", "import os; os.system('env')\n"))

    def script(request: ModelRequest) -> Turn:
        if reads and request.may_call and "read_file" in request.tools and request.turns == 0:
            return calling(("read_file", {"path": path}))
        if not request.schema:
            return text_turn("I have seen enough.")
        answer = grounded(request)
        if "problematic_files" in request.schema.get("properties", {}):
            place = {"path": path, "line_start": 1, "line_end": 1, "issue_description": "share fails here"}
            answer["problematic_files"] = [place, *answer.get("problematic_files", [])]
        if "patch" in request.schema.get("properties", {}):
            edit = {"path": path, "original": original, "new": new, "reason": "Mend it"}
            answer["patch"] = {"strategy": "fix", "files_to_modify": [edit]}
        return text_turn(answer)

    return script


def _sure(request: ModelRequest) -> Turn:
    """Answer as a model that believes every line, and is sure of each cause."""
    if not request.schema:
        return text_turn("I have seen enough.")
    answer = grounded(request)
    for cause in answer.get("root_causes", []):
        cause["confidence"] = 0.95
    return text_turn(answer)


def _by_model(path: str, *, reads: bool = True, settings: dict[str, str] | None = None) -> Play:
    def play(folder: Path, patch: pytest.MonkeyPatch) -> str:
        with world(folder, patch, script=_patching(path, reads=reads), settings=settings, metrics="failing") as target:
            target.log(OWN)
            return written(target.run())

    return play


def _by_revert(path: str, text: str) -> Play:
    """Let the culprit be a commit that changed a file which tools run, so that its revert changes it too."""

    def play(folder: Path, patch: pytest.MonkeyPatch) -> str:
        fixed: dict[str, str | None] = {**REVERTED, path: "evil\n"}
        commits: list[dict[str, str | None]] = [fixed, {"shop/pricing.py": SOURCE, path: text}]
        with world(folder, patch, commits=commits, metrics="failing") as target:
            target.log(OWN)
            exits = target.run()
        return f"it pushed {path}" if "+evil" in exits.pushed else written(exits)

    return play


def _foreign_branch(branch: str, repo: str) -> Play:
    """Call pr_creator with the nonce of the incident, for a branch that is not the incident's."""

    def play(folder: Path, patch: pytest.MonkeyPatch) -> str:
        with world(folder, patch, commits=COMMITS, metrics="failing") as target:
            target.log(OWN)
            exits = target.run()
            return _opened_for(target, exits, Branch(status="success", repo=repo, branch=branch, base_branch="main"))

    return play


def _opened_for(target: World, exits: Exits, branch: Branch) -> str:
    names = ("incident", "code_analysis", "solution", "root_causes")
    facts = {name: exits.answers[name] for name in names}
    alert = target.alert.model_copy(update={"incident_id": "inc-20260504-00000000ff"})
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        step_calls.called(pr_creator, PullRequestRequest(alert=alert, branch=branch, **facts))
    pulls = target.run_git("for-each-ref").count("refs/heads/")
    opened = [pull for pull in target.pulls() if pull["head"] == branch.branch]
    return f"a pull request of {branch.branch}" if opened or pulls > 2 else ""  # main and its own


def _false_revert(change: Callable[[World, Patch], Patch]) -> Play:
    """Sign, as a solution_generator that was taken over could, a patch that calls itself a revert."""

    def play(folder: Path, patch: pytest.MonkeyPatch) -> str:
        with world(folder, patch, commits=COMMITS, metrics="failing") as target:
            target.log(OWN)
            target.writes = False
            facts = target.run().answers
            solution = facts["solution"]
            false = solution.replace(patch=change(target, solution.patch))
            names = ("incident", "code_analysis")
            alert = target.alert.replace(incident_id="inc-20260504-00000000ff")
            request = FileUpdateRequest(alert=alert, solution=false, **{name: facts[name] for name in names})
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                step_calls.called(file_updater, request)
            refs = target.run_git("for-each-ref", "--format=%(refname:short)", "refs/heads/incident").split()
        return f"branches {refs}" if refs else ""

    return play


def _other_edit(_: World, patch: Patch) -> Patch:
    """Keep the name of the culprit, and change something else."""
    edit = patch.files_to_modify[0]
    return patch.replace(files_to_modify=[edit.replace(new=f"{edit.new}\nEVIL = 1\n")])


def _another_file(_: World, patch: Patch) -> Patch:
    edit = FileEdit(path="shop/evil.py", original=None, new="EVIL = 1\n")
    return patch.replace(files_to_modify=[*patch.files_to_modify, edit])


def _of_no_commit(_: World, patch: Patch) -> Patch:
    return patch.replace(reverts=None)


def _of_another_commit(target: World, _: Patch) -> Patch:
    """Revert a commit of the branch that nothing accuses, exactly."""
    first = target.run_git("rev-list", "--reverse", "main").split()[1]
    edit = FileEdit(
        path="shop/pricing.py", original="return total / len(parts)", new="return total / max(len(parts), 1)"
    )
    return Patch(strategy="revert", reverts=first, files_to_modify=[edit])


def _of_a_fork(target: World, _: Patch) -> Patch:
    """Revert a commit of a fork, which the code host serves too, exactly: that brings what its parent holds."""
    blob = target.run_git("hash-object", "-w", "--stdin", stdin=f"{SOURCE}EVIL = 1\n").strip()
    index = {"GIT_INDEX_FILE": str(target.folder / "fork.index")}
    target.run_git("read-tree", "main", env=index)
    target.run_git("update-index", "--add", "--cacheinfo", f"100644,{blob},shop/pricing.py", env=index)
    tree = target.run_git("write-tree", env=index).strip()
    evil = target.run_git("commit-tree", tree, "-p", "main", "-m", "Evil").strip()
    fork = target.run_git("commit-tree", "main^{tree}", "-p", evil, "-m", "Innocent").strip()
    edit = FileEdit(path="shop/pricing.py", original="len(parts)\n", new="len(parts)\nEVIL = 1\n")
    return Patch(strategy="revert", reverts=fork, files_to_modify=[edit])


def _reads_exits(mode: str) -> Play:
    """Look for the code that approves in all that is kept or sent on, the mail apart."""

    def play(folder: Path, patch: pytest.MonkeyPatch) -> str:
        settings = {"PR_MODE": mode, **APPROVALS}
        with world(folder, patch, script=_patching("shop/pricing.py", reads=False), settings=settings) as target:
            target.log(OWN)
            exits = target.run()
        made = exits.answers["pull_request"]
        code = ApprovalSettings.from_env().code(target.alert.incident_id, made.approve_until)
        if code not in exits.texts["mail"]:
            return "nobody can approve: the mail holds no code"
        leaks = [name for name, text in exits.texts.items() if name != "mail" and code in text]
        return f"the code stands in {leaks}" if leaks else ""

    return play


FALSE_REVERTS: dict[str, Callable[[World, Patch], Patch]] = {
    "with another edit": _other_edit,
    "with another file": _another_file,
    "of no commit": _of_no_commit,
    "of a commit that nothing accuses": _of_another_commit,
    "of a commit of a fork": _of_a_fork,
}
TOOL_FILES = ("conftest.py", ".github/workflows/ci.yml", "README.md", "setup.py", "Makefile", "tests/test_x.py")
RUN_BY_TOOLS = (
    ".github/workflows/ci.yml",
    "conftest.py",
    "setup.py",
    "Makefile",
    "Dockerfile",
    "package.json",
    "run.sh",
    ".vscode/tasks.json",
)


TEXTS = tuple(quoted_text.names())


def all_attacks() -> Iterator[Attack]:
    """Yield every attack, by class."""
    yield from forged_logs.attacks()
    for name, write in (("in quotes", forged_logs.QUOTED), ("in an ordinary line", forged_logs.ORDINARY)):
        play = forged_logs.forged(forged_logs.lines(write), "none", forged_logs.LOW, script=_sure)
        yield Attack("a model that believes a forged trace", name, play)
    own = forged_logs.forged(forged_logs.lines(forged_logs.OWN), "calm", forged_logs.LOW, script=_sure)
    yield Attack("a model that believes a forged trace", "as the service writes, failures measured", own)
    for path in TOOL_FILES:
        yield Attack("a model reads a file to patch it", path, _by_model(path))
        yield Attack("a model patches what it never read", path, _by_model(path, reads=False))
    none: dict[str, str] = {}
    for mode, set_up in (
        ("draft", none),
        ("ready", none),
        *((mode, APPROVALS) for mode in ("draft", "ready", "approval")),
    ):
        name = f"PR_MODE={mode}, {'with' if set_up else 'without'} approvals"
        yield Attack("a model's own change", name, _by_model("shop/pricing.py", settings={"PR_MODE": mode, **set_up}))
    for mode in ("draft", "approval"):
        yield Attack("an approval read from archive or log", f"PR_MODE={mode}", _reads_exits(mode))
    for path in RUN_BY_TOOLS:
        yield Attack("a revert that brings a tool's file", path, _by_revert(path, "good\n"))
    for name, change in FALSE_REVERTS.items():
        yield Attack("a patch that calls itself a revert", name, _false_revert(change))
    yield from contributor.attacks()
    for branch, repo in (("feature/evil", "octo/shop"), ("incident/other", "octo/shop"), ("main", "eve/shop")):
        yield Attack("a leaked token opens a pull request", f"{branch} of {repo}", _foreign_branch(branch, repo))
    yield from (Attack(f"text in {place} acts", name, partial(quoted_text.play, place, name)) for place, name in TEXTS)
    yield from _on_words()


def _on_words() -> Iterator[Attack]:
    """Yield the attacks on what a brief says, on the bill and on the terminal."""
    for kind, name, words in model_words.tries():
        yield Attack(kind, name, partial(model_words.play, kind, words))
    for kind, name in model_claims.tries():
        yield Attack(kind, name, partial(model_claims.play, kind, name))
    for kind, name in costs.tries():
        yield Attack(kind, name, partial(costs.play, kind, name))
    for place, name in terminals.tries():
        yield Attack(terminals.KIND, f"{name} in {place}", partial(terminals.play, place, name))
