"""Which cause the evidence names, and who has it first."""

from datetime import timedelta
from typing import Any

import pytest

from shared.admission.causes import Cause, SameCause, causes_of, same_cause
from shared.contracts import OtherService
from shared.traces.embedded import EmbeddedTraces
from tests.functions import post_process_requests as requests

WINDOW = timedelta(minutes=30)


def suspect(**changes: Any) -> OtherService:
    """The ledger, where the trouble begins."""
    facts = {"service_name": "ledger", "requests": 9, "failed_in": 9, "failed_first_in": 9, "role": "suspect"}
    return OtherService(**{**facts, "basis": "failed_first", **changes})


def test_caller_and_failing_service_name_the_same_cause() -> None:
    """The incident of the failing service itself and those of its callers meet."""
    of_caller = causes_of(requests.alert(), requests.incident(verdict="incident", other_services=[suspect()]), None)
    own = requests.incident(verdict="incident", own_part=suspect())
    of_itself = causes_of(requests.alert(service_name="ledger"), own, None)

    assert of_caller == of_itself == (Cause("service", "ledger"),)


def test_suspect_commit_is_a_cause_when_it_is_likely() -> None:
    """Of a repository that several services are deployed from."""
    incident, code = requests.incident(verdict="incident"), requests.code_analysis()
    likely = [commit.replace(score=0.8) for commit in code.suspect_commits]
    unlikely = [commit.replace(score=0.3) for commit in code.suspect_commits]

    (cause,) = causes_of(requests.alert(), incident, code.replace(suspect_commits=likely))
    assert cause == Cause("commit", f"{code.repo}@{likely[0].sha}")
    assert causes_of(requests.alert(), incident, code.replace(suspect_commits=unlikely)) == ()


@pytest.mark.parametrize("verdict", ["healthy", "cannot_tell"])
def test_verdict_without_harm_has_no_cause(verdict: str) -> None:
    """Neither where nothing is wrong nor where nobody can say."""
    incident = requests.incident(verdict=verdict, other_services=[suspect()])

    assert causes_of(requests.alert(), incident, requests.code_analysis()) == ()
    assert causes_of(requests.alert(), None, None) == ()


def test_later_services_of_a_cause_follow_the_first(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the bound each has its brief; asked again it is the same; another alert of a service is no other."""
    monkeypatch.setenv("CAUSE_MAX_BRIEFS", "2")
    ledger = Cause("service", "ledger")
    causes = (ledger, Cause("commit", "acme/shop@abc"))

    def ask(incident_id: str, service: str) -> SameCause | None:
        return same_cause(store, incident_id, service, causes, WINDOW)

    for _ in range(2):
        assert ask("inc-1", "checkout") is None
        assert ask("inc-2", "cart") == SameCause("inc-1", "checkout", ledger, is_folded=False)
        assert ask("inc-3", "mail") == SameCause("inc-1", "checkout", ledger, is_folded=True)
    assert ask("inc-4", "checkout") is None


def test_services_that_fail_in_the_same_requests_are_linked_and_never_folded(
    store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids of requests are written by who sends them: nobody outside may keep a brief back by sending one twice."""
    monkeypatch.setenv("CAUSE_MAX_BRIEFS", "1")

    def ask(service: str, *digests: str) -> SameCause | None:
        incident = requests.incident(verdict="incident", failed_requests=list(digests))
        causes = causes_of(requests.alert(service_name=service), incident, None)
        return same_cause(store, f"inc-{service}", service, causes, WINDOW)

    assert ask("checkout", "0a", "0b") is None
    for service in ("cart", "mail", "search"):
        assert ask(service, "0b", "0c") == SameCause("inc-checkout", "checkout", Cause("request", "0b"), False)
    assert ask("stock", "0d") is None
