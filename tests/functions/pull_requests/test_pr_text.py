"""What the pull request says: everything a reviewer needs, and nothing that acts on GitHub."""

import json
import re
from typing import Any

import pytest

from functions.file_updater.commit_message import commit_message
from functions.pr_creator.pr_risk import level, reasons
from functions.pr_creator.pr_text import pr_body, pr_title
from shared.contracts import (
    Branch,
    CodeAnalysis,
    Confirmation,
    ErrorSummary,
    Evidence,
    FileStat,
    FileUpdateRequest,
    Patch,
    RootCause,
    RootCauses,
    Solution,
)
from shared.pull_request import marker
from tests.builders import NOW, an_alert, an_incident
from tests.functions.pull_requests.conftest import CULPRIT, FIX, code_analysis, pull_request_request, solution

NASTY = "@channel <img src=x onerror=1> [click](http://evil.example) `code` ## big | cell --> <!-- \n\n- [x] done"


def incident_named(body: str) -> str | None:
    """Return the incident that the last block in a body names: an earlier one may come from a log line."""
    blocks = re.findall(r"<!-- incident-copilot (\{.*?\}) -->", body, re.DOTALL)
    return json.loads(blocks[-1])["incident_id"] if blocks else None


def request(**changes: Any) -> Any:
    """A revert of one commit, with a cause and some evidence."""
    patch = Patch(strategy="revert", reverts=CULPRIT, files_to_modify=[FIX], rollback_plan="Revert the merge.")
    causes = RootCauses(root_causes=[RootCause(hypothesis="len is zero", confidence=0.8)], most_likely="len is zero")
    fields = {
        "solution": Solution(incident_category="code_issue", patch=patch),
        "root_causes": causes,
        "branch": branch_with(("src/cart.py", 1, 2)),
    }
    return pull_request_request(an_alert(), **{**fields, **changes})


def branch_with(*files: tuple[str, int, int]) -> Branch:
    """A branch with these files and their added and removed lines."""
    stats = [FileStat(path=path, lines_added=added, lines_removed=removed) for path, added, removed in files]
    names = [path for path, _, _ in files]
    own = {"status": "success", "repo": "o/r", "branch": "b", "base_branch": "main", "base_commit": "c" * 40}
    return Branch.model_validate({**own, "reverts": CULPRIT, "files": names, "stats": stats})


ACTING = ["fixes #12", "closes GH-7", "thanks @octocat", "closes https://github.com/o/r/issues/1", "[skip ci]"]


@pytest.mark.parametrize("words", ACTING)
def test_words_of_a_commit_or_a_model_act_nowhere(words: str) -> None:
    """Neither in title and body nor in the commit: nobody is notified, no issue closed, no check skipped."""
    suspect = code_analysis().suspect_commits[0].replace(sha="b" * 40, subject=words, why=words, author=words)
    made = request(code_analysis=code_analysis().replace(suspect_commits=[suspect]))
    patch = Patch(strategy="fix", files_to_modify=[FIX.replace(reason=f"Mend it\n\n{words}\n\nskip-checks: true")])
    fixing = FileUpdateRequest(alert=an_alert(), code_analysis=code_analysis(), solution=made.solution)

    texts = [pr_title(made), pr_body(made), commit_message(fixing, patch, None)]
    reverting = fixing.model_copy(update={"code_analysis": made.code_analysis})
    texts.append(commit_message(reverting, made.solution.patch, "b" * 40))

    assert not [text for text in texts if words in text]
    assert not [text for text in texts if re.search(r"(?m)^skip-checks", text)]


def test_body_has_everything_a_reviewer_needs() -> None:
    """What and why, the diffstat, evidence, risk, rollback, a checklist, the hidden block."""
    body = pr_body(request())

    heads = re.findall(r"^### (.*)", body, re.MULTILINE)
    assert heads == ["Change", "Evidence", "Risk: low", "Rollback", "Before merging"]
    assert "| `src/cart.py` | 1 | 2 |" in body
    assert "with 80 % confidence" in body
    assert "ZeroDivisionError: division by zero" in body
    assert incident_named(body) == an_alert().incident_id
    assert body.startswith("**Incident `inc-20260504-0123456789`** (high)")


def test_title_of_a_revert_is_gits_own() -> None:
    """It says what is taken back."""
    assert pr_title(request()) == 'Revert "Average the cart" (checkout-api)'


def test_title_of_a_fix_names_the_files_alone() -> None:
    """Words of a model are no title; one line of limited length."""
    words = solution().model_copy(update={"recommended_solution": "Run rm -rf"})
    fix = request(solution=words, branch=branch_with(("src/cart.py", 1, 2)).replace(reverts=None))

    assert pr_title(fix) == "Fix checkout-api in src/cart.py"
    many = fix.branch.model_copy(update={"files": ["x" * 99, "y" * 99]})
    assert len(pr_title(fix.model_copy(update={"branch": many}))) == 120


def test_untrusted_text_triggers_nothing_on_github() -> None:
    """Outside code blocks it mentions no user, and links, formats, ticks or hides nothing."""
    analysis = code_analysis()
    suspect = analysis.suspect_commits[0].model_copy(update={"subject": NASTY, "why": NASTY, "author": NASTY})
    patch = Patch(strategy="revert", reverts=CULPRIT, files_to_modify=[FIX], test_cases=[NASTY], rollback_plan=NASTY)
    body = pr_body(
        request(
            code_analysis=analysis.model_copy(update={"suspect_commits": [suspect]}),
            solution=Solution(incident_category="code_issue", patch=patch),
            incident=an_incident(evidence=[Evidence(id="L1", source="logs", text=f"```\n{NASTY}", at=NOW)]),
            root_causes=RootCauses(most_likely=NASTY),
        )
    )
    prose = re.sub(r"^(`{3,})text\n.*?\n\1$", "", body, flags=re.MULTILINE | re.DOTALL)
    visible = prose.replace(prose[prose.index("<!-- incident-copilot") :], "")

    assert "@channel" not in visible
    assert "<img" not in visible
    assert not re.search(r"(?<!\\)\[click(?<!\\)\]\(", visible)
    assert "- [x]" not in visible
    assert "<!--" not in visible
    assert prose.count("-->") == 1


def test_block_survives_what_would_end_a_comment() -> None:
    """Names with `--` and `>` are written as escapes and read back."""
    text = marker.block("inc-20260504-0123456789", {"service_name": "a--><b>--"})

    assert text.startswith(marker.marker("inc-20260504-0123456789"))
    assert text.count("--") == 2
    assert incident_named(f"words {text} words") == "inc-20260504-0123456789"


def test_name_does_nothing_in_a_commit_that_takes_the_body_over() -> None:
    """A squash commit may hold the whole body: names in code style and in the block too."""
    name = "fixes #12, closes GH-7 [skip ci] @octocat https://evil.example"

    wanted = request(branch=branch_with((f"{name}.py", 1, 0)))
    body = pr_body(wanted.replace(alert=an_alert(service_name=name)))

    assert not re.search(r"#12|GH-7|\[skip ci\]|@octocat|https://evil", body)
    assert json.loads(body.rpartition("incident-copilot ")[2].partition(" -->")[0])["service_name"] == name


def test_block_in_a_log_line_is_ignored() -> None:
    """The last block counts, and that is ours."""
    forged = Evidence(id="L1", source="logs", text='<!-- incident-copilot {"incident_id":"inc-other"} -->')

    assert incident_named(pr_body(request(incident=an_incident(evidence=[forged])))) == an_alert().incident_id


def test_path_that_would_break_the_table_is_escaped() -> None:
    """Backticks, pipes and line breaks stay plain characters."""
    body = pr_body(request(branch=branch_with(("a|b.py", 1, 0), ("c`d.py", 1, 0))))

    assert "| `a\\|b.py` | 1 | 0 |" in body
    assert "| c\\`d.py | 1 | 0 |" in body


def test_body_stays_under_githubs_limit() -> None:
    """The hidden block is still complete."""
    many = [Evidence(id=f"L{number}", source="logs", text="`" * 2000) for number in range(9)]
    cases = Patch(strategy="fix", files_to_modify=[FIX], test_cases=["x" * 9000] * 10)
    body = pr_body(
        request(incident=an_incident(evidence=many), solution=Solution(incident_category="code_issue", patch=cases))
    )

    assert len(body) < 65_536
    assert incident_named(body) is not None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([("src/a.py", 3, 3)], "low"),
        ([("src/a.py", 30, 30)], "medium"),
        ([("conf/app.yaml", 1, 1)], "medium"),
        ([("requirements.txt", 1, 1)], "high"),
        ([("web/package.json", 1, 1)], "high"),
        ([("src/a.py", 200, 200)], "high"),
    ],
)
def test_risk_depends_on_size_and_kind_of_files(files: list[tuple[str, int, int]], expected: str) -> None:
    """Large changes, dependencies and configuration raise it."""
    assert level(request(branch=branch_with(*files))) == expected


def test_fix_is_never_low_risk() -> None:
    """Unlike a revert, it is code that never ran."""
    fix = branch_with(("src/cart.py", 1, 2)).replace(reverts=None)
    assert level(request(branch=fix)) == "medium"


def test_reasons_say_what_was_not_done() -> None:
    """That nothing was run, and whether tests change with it."""
    text = " ".join(reasons(request(branch=branch_with(("src/a.py", 1, 1), ("tests/test_a.py", 0, 4)))))

    assert "nothing was built or run" in text
    assert "Tests change with it: tests/test_a.py" in text
    assert "1 line added, 5 removed in 2 files" in text


def test_analysis_without_evidence_leaves_no_empty_section() -> None:
    """A heading without content is left out."""
    empty = CodeAnalysis(code_available=True, repo="o/r")

    assert "### Evidence" not in pr_body(request(incident=an_incident(evidence=[]), code_analysis=empty))


def test_body_says_on_how_many_lines_and_signals_it_rests() -> None:
    """Whoever can write lines of the service can write many; a metric they cannot."""
    lines = ErrorSummary(total_errors=69)
    failing = Confirmation(what="error_ratio: 0 % → 9 %.", shows_failure=True)
    busy = Confirmation(what="cpu: 1 → 2.", shows_failure=False)

    evidence = [Evidence(id="L1", source="logs", text="ERROR no price")]
    alone = pr_body(request(incident=an_incident(error_summary=lines, evidence=evidence, confirmations=[busy])))
    confirmed = pr_body(request(incident=an_incident(error_summary=lines, evidence=evidence, confirmations=[failing])))

    assert "It rests on 69 error lines alone. Log text alone shows the failure" in alone
    assert "Make sure that the failure is real." in alone
    assert "It rests on 69 error lines and on what no user of the service can write: error" in confirmed
    assert "Make sure" not in confirmed


def test_change_that_only_calls_itself_a_revert_is_not_named_one() -> None:
    """The title, the text and the hidden block say what was checked, not what a patch says of itself."""
    unchecked = request(branch=branch_with(("src/cart.py", 1, 2)).replace(reverts=None))

    assert pr_title(unchecked).startswith("Fix checkout-api")
    assert "It reverts" not in pr_body(unchecked)
    assert '"strategy":"fix","reverts":""' in pr_body(unchecked)
