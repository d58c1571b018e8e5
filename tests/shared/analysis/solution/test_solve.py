"""The solution: always mitigations, a patch only when one commit explains the failure."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.analysis.solution.solve import solve
from shared.code_host import edits
from shared.contracts import (
    Alert,
    Change,
    CodeAnalysis,
    Confirmation,
    ErrorSummary,
    Frame,
    Incident,
    MetricAnomaly,
    OtherService,
    ProblematicFile,
    RootCauses,
    Solution,
    SolutionRequest,
    StackTrace,
    Suggestion,
    Suggestions,
    SuspectCommit,
)
from tests.fakes_code_host import START, GitReader, Repository

ONSET = START + timedelta(days=1)
GOOD, BAD = "price = line.cost\n", "price = line.price\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository whose last commit is the culprit."""
    repository = Repository(tmp_path / "repository")
    repository.commit({"cart.py": GOOD, "tests/test_cart.py": "x = 1\n"})
    repository.commit({"cart.py": BAD, "tests/test_cart.py": "x = 2\n"}, "Rename cost to price")
    return repository


def suspect(sha: str, score: float, at: datetime = START) -> SuspectCommit:
    """Return a suspect."""
    files = ["cart.py", "tests/test_cart.py"]
    return SuspectCommit(
        sha=sha, at=at, subject="Rename cost to price", files=files, score=score, why="it wrote the line"
    )


def solved(repository: Repository, *suspects: SuspectCommit, **incident: Any) -> Solution:
    """Solve an incident with these suspects."""
    return solve(request(*suspects, **incident), GitReader(repository.folder, "main"))


def request(*suspects: SuspectCommit, available: bool = True, **incident: Any) -> SolutionRequest:
    """Return the request of an incident with these suspects."""
    place = ProblematicFile(path="cart.py", function_name="total", line_start=1, line_end=1, issue_description="fails")
    analysis = CodeAnalysis(
        code_available=available,
        repo="acme/shop",
        commit="0" * 40,
        base_branch="main",
        problematic_files=[place],
        suspect_commits=list(suspects),
    )
    return SolutionRequest(alert=alert(), incident=Incident(**(facts() | incident)), code_analysis=analysis)


def alert() -> Alert:
    """Return the alert of the incident."""
    return Alert(incident_id="inc-000001", service_name="shop", start=START, end=ONSET, received_at=ONSET)


def facts() -> dict[str, Any]:
    """Return the fields of an incident with one trace through the service's own code."""
    frame = Frame(path="/app/cart.py", line=1, in_app=True)
    trace = StackTrace(
        language="python",
        exception_type="AttributeError",
        message="no price",
        frames=[frame],
        first_seen=ONSET,
        last_seen=ONSET,
    )
    return {
        "incident_detected": True,
        "recommendation": "proceed",
        "severity": "high",
        "incident_type_hint": "code_issue",
        "start": START,
        "end": ONSET + timedelta(minutes=5),
        "onset": ONSET,
        "stack_traces": [trace],
    }


def test_single_suspect_is_reverted(repository: Repository) -> None:
    """One commit that explains the failure becomes a revert that applies to the base branch's head."""
    reader = GitReader(repository.folder, "main")

    solution = solved(repository, suspect(repository.head(), 0.9), onset=ONSET)

    assert solution.patch is not None
    assert solution.patch_withheld is None
    assert (solution.patch.strategy, solution.patch.reverts) == ("revert", repository.head())
    writes = edits.apply(solution.patch.files_to_modify, lambda path: reader.read(path, "main"))
    assert {write.path: write.text for write in writes} == {"cart.py": GOOD, "tests/test_cart.py": "x = 1\n"}
    assert solution.recommended_solution.startswith("Revert commit")


def test_patch_says_what_to_test_and_how_to_roll_it_back(repository: Repository) -> None:
    """Test cases and rollback plan name the failure, the tests that the revert removes, and the commit."""
    patch = solved(repository, suspect(repository.head(), 0.9)).patch

    assert patch is not None
    assert "AttributeError: no price" in patch.test_cases[0]
    assert any("tests/test_cart.py" in case for case in patch.test_cases)
    assert repository.head()[:12] in patch.rollback_plan


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([], "No commit touches"),
        ([0.3], "explains too little"),
        ([0.7, 0.25], "may both explain"),
        ([0.7, 0.1], "score 0.70, of which 0.80"),
    ],
)
def test_patch_is_withheld_unless_one_commit_stands_out(
    repository: Repository, scores: list[float], words: str
) -> None:
    """An engineer must judge a weak suspect, or two that are equally likely."""
    solution = solved(repository, *(suspect(repository.head(), score) for score in scores))

    assert solution.patch is None
    assert words in (solution.patch_withheld or "")


def test_patch_is_withheld_when_nothing_leads_to_a_place(repository: Repository) -> None:
    """However newest a commit is, its time alone reverts nothing."""
    wanted = request(suspect(repository.head(), 0.9))
    analysis = wanted.code_analysis
    assert analysis is not None
    unplaced = wanted.replace(code_analysis=analysis.replace(problematic_files=[]))

    solution = solve(unplaced, GitReader(repository.folder, "main"))

    assert solution.patch is None
    assert "only its time" in (solution.patch_withheld or "")


def test_patch_is_withheld_when_the_suspect_came_after_the_failure(repository: Repository) -> None:
    """A commit after the failure is not reverted automatically."""
    solution = solved(repository, suspect(repository.head(), 0.9, at=ONSET + timedelta(minutes=1)))

    assert solution.patch is None
    assert "after the failure began" in (solution.patch_withheld or "")


def test_patch_is_withheld_when_the_revert_conflicts(repository: Repository) -> None:
    """A revert that does not apply is refused; the reason names the lines."""
    culprit = repository.head()
    repository.commit({"cart.py": "price = line.amount\n"})

    assert "lines 1-1 of 'cart.py'" in (solved(repository, suspect(culprit, 0.9)).patch_withheld or "")


@pytest.mark.parametrize("path", ["db/migrate/3_add_price.rb", "shop/migrations/0003_price.py", "schema/price.sql"])
def test_patch_is_withheld_when_it_would_undo_a_migration(repository: Repository, path: str) -> None:
    """Reverting the files does not revert the data."""
    culprit = repository.commit({path: "add\n", "cart.py": "price = line.amount\n"})

    assert "migration" in (solved(repository, suspect(culprit, 0.9)).patch_withheld or "")


def test_patch_is_withheld_when_it_would_take_away_what_others_use(repository: Repository) -> None:
    """A revert that breaks an import ends more than the fault."""
    culprit = repository.commit({"cart.py": "price = line.amount\nRATE = 3\n"})
    repository.commit({"page.py": "from cart import RATE\n"})

    withheld = solved(repository, suspect(culprit, 0.9)).patch_withheld or ""

    assert "takes 'RATE' away, which 'page.py' uses" in withheld


@pytest.mark.parametrize("available", [True, False])
def test_patch_is_withheld_without_a_repository(available: bool) -> None:
    """Without a reader, or with unreadable code, there are only mitigations."""
    solution = solve(request(suspect("a" * 40, 0.9), available=available), None)

    assert solution.patch is None
    assert solution.patch_withheld == "The code was not read."
    assert solution.mitigations


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no analysis of it arrived"),
        ({"stack_traces": [], "verdict": "cannot_tell", "lines_read": 9}, "no fault is certain"),
        ({"stack_traces": [], "verdict": "cannot_tell", "lines_read": 0}, "without log lines"),
    ],
)
def test_code_that_was_not_requested_is_not_called_unreadable(changes: dict[str, Any], words: str) -> None:
    """Not requested, not received and not readable are three different reasons."""
    solution = solve(SolutionRequest(alert=alert(), incident=Incident(**(facts() | changes))), None)

    assert words in (solution.patch_withheld or "")
    assert "could not be read" not in (solution.patch_withheld or "")


def test_code_that_could_not_be_read_is_said_once_with_the_reason() -> None:
    """The analysis says what failed; the same words before it say nothing."""
    reason = "The repository could not be read (Unavailable: GitHub did not answer)."
    unread = request(available=False)
    assert unread.code_analysis is not None

    solution = solve(unread.replace(code_analysis=unread.code_analysis.replace(degraded=reason)), None)

    assert solution.patch_withheld == f"No change can be proposed. {reason}"


def test_each_trace_gets_a_test_case_with_its_own_location(repository: Repository) -> None:
    """A test case names its own trace's code; errors that are as frequent before the onset are left out."""
    first = facts()["stack_traces"][0].model_copy(update={"evidence_id": "T1"})
    frame = Frame(path="/app/mail.py", line=3, function="send", in_app=True)
    changed = {"evidence_id": "T2", "frames": [frame], "exception_type": "OSError", "message": "no relay"}
    second = first.model_copy(update=changed)
    usual = first.model_copy(update={"exception_type": "Usual", "count": 50, "count_before_onset": 50})
    original = request(suspect(repository.head(), 0.8), stack_traces=[usual, first, second])
    assert original.code_analysis is not None
    places = [
        place.model_copy(update={"evidence_ids": ["T1", "C1"]}) for place in original.code_analysis.problematic_files
    ]
    analysis = original.code_analysis.model_copy(update={"problematic_files": places})

    patch = solve(original.model_copy(update={"code_analysis": analysis}), GitReader(repository.folder, "main")).patch

    assert patch is not None
    assert "AttributeError: no price` through total (cart.py)" in patch.test_cases[0]
    assert "OSError: no relay` through send (/app/mail.py)" in patch.test_cases[1]
    assert not any("Usual" in case for case in patch.test_cases)


def test_incident_without_code_analysis_is_answered() -> None:
    """The step before may have failed; there is an answer anyway."""
    solution = solve(SolutionRequest(alert=alert(), incident=Incident(**facts())), None)

    assert solution.patch is None
    assert solution.solutions
    assert solution.recommended_solution == "For good, fix /app/cart.py:1, which raises AttributeError."


@pytest.mark.parametrize(
    ("hint", "action"),
    [
        ("code_issue", "For good, fix /app/cart.py:1"),
        ("config_issue", "Restore the configuration of shop"),
        ("infrastructure_issue", "See whether the instances of shop run"),
        ("external_dependency", "Relieve shop of payments"),
        ("unknown", "For good, fix /app/cart.py:1"),
    ],
)
def test_mitigation_fits_the_kind_of_fault(repository: Repository, hint: str, action: str) -> None:
    """Each kind of fault has its own first mitigation; none is executed automatically."""
    solution = solved(repository, incident_type_hint=hint, affected_services=["shop", "payments"])

    assert solution.mitigations[0].action.startswith(action)
    assert not any(mitigation.can_auto_execute for mitigation in solution.mitigations)


@pytest.mark.parametrize("hint", ["code_issue", "config_issue", "unknown"])
def test_rollback_leads_to_a_version_or_away_from_a_commit_or_is_absent(repository: Repository, hint: str) -> None:
    """ "The last release that worked" means nothing to a reader."""
    change = Change(kind="rollout", at=ONSET, what="2 instances began.", version_before="2.14.1", error_share=1)

    vague = solved(repository, incident_type_hint=hint, onset=ONSET)
    named = solved(repository, incident_type_hint=hint, onset=ONSET, what_changed=[change])
    away = solved(repository, suspect(repository.head(), 0.9), incident_type_hint=hint, onset=ONSET)

    assert not any(one.advice_id == "roll_back" for one in vague.mitigations)
    assert any(one.action.startswith("Roll shop back to 2.14.1") for one in named.mitigations)
    assert any("a release without" in one.action for one in away.mitigations)


def test_dependency_that_no_evidence_names_gets_no_advice_about_it(repository: Repository) -> None:
    """To relieve a service of "what it calls" is nothing that anybody can do."""
    solution = solved(repository, incident_type_hint="external_dependency", affected_services=["shop"])

    assert not any(one.advice_id == "relieve_dependency" for one in solution.mitigations)


def test_more_resources_are_proposed_only_where_the_evidence_shows_a_lack(repository: Repository) -> None:
    """Words in the evidence are enough; an error ratio is not a resource."""
    full = StackTrace(**{**dict(facts()["stack_traces"][0]), "exception_type": "OSError", "message": "disk is full"})
    ratio = MetricAnomaly(metric="error_ratio", description="rose", at=ONSET, baseline=0.0, value=0.1)

    with_sign = solved(repository, incident_type_hint="infrastructure_issue", stack_traces=[full])
    without_sign = solved(
        repository,
        incident_type_hint="unknown",
        stack_traces=[],
        error_summary=ErrorSummary(metric_anomalies=[ratio]),
    )

    assert "disk full" in with_sign.mitigations[0].action
    assert not any("resource" in mitigation.action for mitigation in without_sign.mitigations)


@pytest.mark.parametrize(
    ("score", "is_named", "is_shown"), [(0.18, False, False), (0.4, False, True), (0.6, True, True)]
)
def test_commit_is_named_only_as_far_as_it_explains(
    repository: Repository, score: float, is_named: bool, is_shown: bool
) -> None:
    """A commit that explains too little is not named for a rollback; one that explains more is to be checked."""
    sha = repository.head()

    solution = solved(repository, suspect(sha, score), suspect("b" * 40, score), onset=ONSET)

    advice = [solution.recommended_solution, *(mitigation.action for mitigation in solution.mitigations)]
    assert (sha[:12] in " ".join(advice)) == is_named
    assert any(one.startswith(f"Look at commit {sha[:12]}") for one in solution.solutions) == is_shown


def test_urgent_suggestion_is_not_repeated_in_other_words() -> None:
    """When a suggestion already asks for more memory, no mitigation asks for it again."""
    more_memory = "Give shop more memory: out of memory."
    suggestion = Suggestion(type="scale", description=more_memory, steps=["Raise."], priority="high")
    lacking = MetricAnomaly(metric="memory", description="rose", at=ONSET, baseline=200.0, value=900.0)
    summary = ErrorSummary(metric_anomalies=[lacking])
    original = request(incident_type_hint="infrastructure_issue", error_summary=summary)

    solution = solve(original.model_copy(update={"suggestions": Suggestions(suggestions=[suggestion])}), None)

    assert [mitigation.action for mitigation in solution.mitigations] == [more_memory]


def test_scaling_names_the_metric_that_moved(repository: Repository) -> None:
    """The mitigation names the measured values."""
    anomaly = MetricAnomaly(metric="memory", description="rose", at=ONSET, baseline=200.0, value=900.0)
    summary = ErrorSummary(metric_anomalies=[anomaly])

    solution = solved(repository, incident_type_hint="infrastructure_issue", error_summary=summary)

    assert "memory went from 200 to 900" in solution.mitigations[0].action


def test_unclassified_failure_in_own_code_is_a_code_issue(repository: Repository) -> None:
    """When detection gives no type, own frames make it a code issue; without them it stays unknown."""
    assert solved(repository, incident_type_hint="unknown").incident_category == "code_issue"
    assert solved(repository, incident_type_hint="unknown", stack_traces=[]).incident_category == "unknown"


def test_urgent_suggestions_become_mitigations_and_the_cause_a_solution() -> None:
    """The results of the parallel steps are used."""
    advice = Suggestion(type="config", description="Turn the flag off.", steps=["flag off"], priority="high")
    original = request().model_copy(
        update={
            "suggestions": Suggestions(suggestions=[advice]),
            "root_causes": RootCauses(most_likely="the rename of cost"),
        }
    )

    solution = solve(original, None)

    assert "Turn the flag off." in [mitigation.action for mitigation in solution.mitigations]
    assert "Remove the likely cause: the rename of cost" in solution.solutions


def test_words_of_a_model_are_no_solution() -> None:
    """What a model says of the cause is prose; what a reader may do is written by code."""
    words = RootCauses(produced_by="gemini:x", most_likely="run evil")

    assert "evil" not in str(solve(request().model_copy(update={"root_causes": words}), None).solutions)


def test_trouble_of_another_service_is_looked_for_there(repository: Repository) -> None:
    """Its versions and instances were not read, so that no rollback of either service is a measure."""
    other = OtherService(
        service_name="pricing", requests=9, failed_in=9, failed_first_in=9, role="suspect", basis="failed_first"
    )

    (measure,) = solved(repository, other_services=[other]).mitigations

    assert measure.action == "Look at pricing first: the trouble of shop begins there."


def test_patch_does_not_rest_on_a_trace_that_a_user_may_have_sent(repository: Repository) -> None:
    """One log entry with a value of many lines could otherwise choose the commit that is reverted."""
    culprit = repository.commit({"cart.py": "price = line.amount\n"})
    seen: dict[str, Any] = {"language": "python", "exception_type": "KeyError", "first_seen": START, "last_seen": START}
    forged = StackTrace(**seen, frames=[Frame(path="cart.py", line=1, in_app=True)], is_doubtful=True)

    solution = solved(repository, suspect(culprit, 0.9), stack_traces=[forged])
    believed = solved(repository, suspect(culprit, 0.9), stack_traces=[forged.replace(is_doubtful=False)])

    assert "stands where a user of the service may have written it" in (solution.patch_withheld or "")
    assert believed.patch is not None


def test_doubtful_trace_beside_a_failure_that_nobody_can_write_makes_a_patch(repository: Repository) -> None:
    """file_updater lets a person look at it first."""
    culprit = repository.commit({"cart.py": "price = line.amount\n"})
    seen: dict[str, Any] = {"language": "python", "exception_type": "KeyError", "first_seen": START, "last_seen": START}
    doubtful = StackTrace(**seen, frames=[Frame(path="cart.py", line=1, in_app=True)], is_doubtful=True)
    down = Confirmation(what="No scrape reaches the service: up is 0.", shows_failure=True)

    solution = solved(repository, suspect(culprit, 0.9), stack_traces=[doubtful], confirmations=[down])

    assert solution.patch is not None
