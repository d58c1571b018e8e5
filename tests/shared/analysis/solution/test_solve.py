"""Promises of the solution: mitigations always, a patch only when one commit explains the failure."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.analysis.solution.solve import solve
from shared.code_host import edits
from shared.contracts import (
    Alert,
    CodeAnalysis,
    ErrorSummary,
    Frame,
    Incident,
    MetricAnomaly,
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


def test_single_suspect_is_taken_back(repository: Repository) -> None:
    """One commit that explains the failure becomes a revert that applies to the base branch's head."""
    reader = GitReader(repository.folder, "main")

    found = solved(repository, suspect(repository.head(), 0.8), onset=ONSET)

    assert found.patch is not None
    assert found.patch_withheld is None
    assert (found.patch.strategy, found.patch.reverts) == ("revert", repository.head())
    writes = edits.apply(found.patch.files_to_modify, lambda path: reader.read(path, "main"))
    assert {write.path: write.text for write in writes} == {"cart.py": GOOD, "tests/test_cart.py": "x = 1\n"}
    assert found.recommended_solution.startswith("Take back commit")


def test_patch_says_what_to_test_and_how_to_undo_it(repository: Repository) -> None:
    """Test cases and rollback plan name the failure, the tests lost with the revert, and the commit."""
    patch = solved(repository, suspect(repository.head(), 0.8)).patch

    assert patch is not None
    assert "AttributeError: no price" in patch.test_cases[0]
    assert any("tests/test_cart.py" in case for case in patch.test_cases)
    assert repository.head()[:12] in patch.rollback_plan


@pytest.mark.parametrize(
    ("scores", "words"),
    [([], "No commit touches"), ([0.3], "explains too little"), ([0.7, 0.65], "about equally well")],
)
def test_patch_is_withheld_unless_one_commit_stands_out(
    repository: Repository, scores: list[float], words: str
) -> None:
    """A weak suspect, or two alike, are a human's to judge."""
    found = solved(repository, *(suspect(repository.head(), score) for score in scores))

    assert found.patch is None
    assert words in (found.patch_withheld or "")


def test_patch_is_withheld_when_the_suspect_came_after_the_failure(repository: Repository) -> None:
    """What came later is not taken back by a machine."""
    found = solved(repository, suspect(repository.head(), 0.9, at=ONSET + timedelta(minutes=1)))

    assert found.patch is None
    assert "after the failure began" in (found.patch_withheld or "")


def test_patch_is_withheld_when_the_revert_conflicts(repository: Repository) -> None:
    """A revert that does not apply is refused, naming the place."""
    culprit = repository.head()
    repository.commit({"cart.py": "price = line.amount\n"})

    assert "lines 1-1 of 'cart.py'" in (solved(repository, suspect(culprit, 0.9)).patch_withheld or "")


@pytest.mark.parametrize("path", ["db/migrate/3_add_price.rb", "shop/migrations/0003_price.py", "schema/price.sql"])
def test_patch_is_withheld_when_it_would_undo_a_migration(repository: Repository, path: str) -> None:
    """Taking files back does not take the data back."""
    culprit = repository.commit({path: "add\n", "cart.py": "price = line.amount\n"})

    assert "migration" in (solved(repository, suspect(culprit, 0.9)).patch_withheld or "")


@pytest.mark.parametrize("available", [True, False])
def test_patch_is_withheld_without_a_repository(available: bool) -> None:
    """No reader, or code that could not be read, gives mitigations alone."""
    found = solve(request(suspect("a" * 40, 0.9), available=available), None)

    assert found.patch is None
    assert "could not be read" in (found.patch_withheld or "")
    assert found.mitigations


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "no analysis of it arrived"),
        ({"stack_traces": [], "incident_type_hint": "unknown", "lines_read": 9}, "nothing in the evidence leads to"),
        ({"stack_traces": [], "incident_type_hint": "unknown", "lines_read": 0}, "without log lines"),
    ],
)
def test_code_nobody_asked_for_is_not_called_unreadable(changes: dict[str, Any], words: str) -> None:
    """Not asked, not arrived and not readable are three different things."""
    found = solve(SolutionRequest(alert=alert(), incident=Incident(**(facts() | changes))), None)

    assert words in (found.patch_withheld or "")
    assert "could not be read" not in (found.patch_withheld or "")


def test_each_trace_is_tested_through_its_own_place(repository: Repository) -> None:
    """One trace's code is not blamed for another's failure, and what failed before the onset too is left out."""
    first = facts()["stack_traces"][0].model_copy(update={"evidence_id": "T1"})
    frame = Frame(path="/app/mail.py", line=3, function="send", in_app=True)
    changed = {"evidence_id": "T2", "frames": [frame], "exception_type": "OSError", "message": "no relay"}
    second = first.model_copy(update=changed)
    usual = first.model_copy(update={"exception_type": "Usual", "count": 50, "count_before_onset": 50})
    asked = request(suspect(repository.head(), 0.8), stack_traces=[usual, first, second])
    assert asked.code_analysis is not None
    places = [
        place.model_copy(update={"evidence_ids": ["T1", "C1"]}) for place in asked.code_analysis.problematic_files
    ]
    analysis = asked.code_analysis.model_copy(update={"problematic_files": places})

    patch = solve(asked.model_copy(update={"code_analysis": analysis}), GitReader(repository.folder, "main")).patch

    assert patch is not None
    assert "AttributeError: no price` through total (cart.py)" in patch.test_cases[0]
    assert "OSError: no relay` through send (/app/mail.py)" in patch.test_cases[1]
    assert not any("Usual" in case for case in patch.test_cases)


def test_incident_without_code_analysis_is_answered() -> None:
    """The step before may have failed: there is an answer all the same."""
    found = solve(SolutionRequest(alert=alert(), incident=Incident(**facts())), None)

    assert found.patch is None
    assert found.solutions
    assert found.recommended_solution == "Roll shop back to the last release that worked."


@pytest.mark.parametrize(
    ("hint", "action"),
    [
        ("code_issue", "Roll shop back"),
        ("config_issue", "Restore the configuration of shop"),
        ("infrastructure_issue", "See whether the instances of shop run"),
        ("external_dependency", "Relieve shop of payments"),
        ("unknown", "Roll shop back"),
    ],
)
def test_mitigation_fits_the_kind_of_fault(repository: Repository, hint: str, action: str) -> None:
    """Each kind of fault has its own first mitigation; none runs by itself."""
    found = solved(repository, incident_type_hint=hint, affected_services=["shop", "payments"])

    assert found.mitigations[0].action.startswith(action)
    assert not any(mitigation.can_auto_execute for mitigation in found.mitigations)


def test_resource_is_widened_only_where_one_is_seen_to_lack(repository: Repository) -> None:
    """Words of the evidence are enough; a ratio of errors is no resource."""
    full = StackTrace(**{**dict(facts()["stack_traces"][0]), "exception_type": "OSError", "message": "disk is full"})
    ratio = MetricAnomaly(metric="error_ratio", description="rose", at=ONSET, baseline=0.0, value=0.1)

    said = solved(repository, incident_type_hint="infrastructure_issue", stack_traces=[full])
    unsaid = solved(
        repository,
        incident_type_hint="unknown",
        stack_traces=[],
        error_summary=ErrorSummary(metric_anomalies=[ratio]),
    )

    assert "disk full" in said.mitigations[0].action
    assert not any("resource" in mitigation.action for mitigation in unsaid.mitigations)


@pytest.mark.parametrize(
    ("score", "is_named", "is_shown"), [(0.18, False, False), (0.4, False, True), (0.6, True, True)]
)
def test_commit_is_named_only_as_far_as_it_explains(
    repository: Repository, score: float, is_named: bool, is_shown: bool
) -> None:
    """Nobody is sent back before a commit that explains too little; a middling one is to be looked at."""
    sha = repository.head()

    found = solved(repository, suspect(sha, score), suspect("b" * 40, score), onset=ONSET)

    advice = [found.recommended_solution, *(mitigation.action for mitigation in found.mitigations)]
    assert (sha[:12] in " ".join(advice)) == is_named
    assert any(one.startswith(f"Look at commit {sha[:12]}") for one in found.solutions) == is_shown


def test_urgent_suggestion_is_not_said_again_in_other_words() -> None:
    """Who was told to make room is not told to widen the resource."""
    room = Suggestion(type="scale", description="Give shop room: out of memory.", steps=["Raise."], priority="high")
    lacking = MetricAnomaly(metric="memory", description="rose", at=ONSET, baseline=200.0, value=900.0)
    asked = request(incident_type_hint="infrastructure_issue", error_summary=ErrorSummary(metric_anomalies=[lacking]))

    found = solve(asked.model_copy(update={"suggestions": Suggestions(suggestions=[room])}), None)

    assert [mitigation.action for mitigation in found.mitigations] == [room.description]


def test_scaling_names_the_metric_that_moved(repository: Repository) -> None:
    """A mitigation speaks of what was measured."""
    anomaly = MetricAnomaly(metric="memory", description="rose", at=ONSET, baseline=200.0, value=900.0)
    summary = ErrorSummary(metric_anomalies=[anomaly])

    found = solved(repository, incident_type_hint="infrastructure_issue", error_summary=summary)

    assert "memory went from 200 to 900" in found.mitigations[0].action


def test_unclassified_failure_in_own_code_is_a_code_issue(repository: Repository) -> None:
    """Where detection could not tell, the service's own frames do, and without them nothing does."""
    assert solved(repository, incident_type_hint="unknown").incident_category == "code_issue"
    assert solved(repository, incident_type_hint="unknown", stack_traces=[]).incident_category == "unknown"


def test_urgent_suggestions_become_mitigations_and_the_cause_a_solution() -> None:
    """What the parallel steps found is used."""
    advice = Suggestion(type="config", description="Turn the flag off.", steps=["flag off"], priority="high")
    asked = request().model_copy(
        update={
            "suggestions": Suggestions(suggestions=[advice]),
            "root_causes": RootCauses(most_likely="the rename of cost"),
        }
    )

    found = solve(asked, None)

    assert "Turn the flag off." in [mitigation.action for mitigation in found.mitigations]
    assert "Remove the likely cause: the rename of cost" in found.solutions
