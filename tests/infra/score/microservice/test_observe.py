"""An answer is worth what it says: its verdict, the services in the order it names them."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from infra.score.microservice.observe import named_services, rank_of, verdict_of
from shared.contracts import Incident, RootCause, RootCauses
from tests.builders import an_incident

SERVICES = ("shop", "stock", "mail")


def causes(*components: list[str]) -> RootCauses:
    """Return one hypothesis for each list of components."""
    listed = [RootCause(hypothesis="x", confidence=0.5, affected_components=one) for one in components]
    return RootCauses(root_causes=listed)


@pytest.mark.parametrize("verdict", ["incident", "healthy", "cannot_tell"])
def test_verdict_of_the_contract_is_read_where_it_exists(verdict: str) -> None:
    """Whatever the incident does, its own word counts."""
    incident = cast(Incident, SimpleNamespace(verdict=verdict, needs_response=verdict != "incident"))

    assert verdict_of(incident) == verdict


@pytest.mark.parametrize(("recommendation", "verdict"), [("proceed", "incident"), ("dismiss", "healthy")])
def test_verdict_is_what_the_incident_does_where_the_contract_has_none(recommendation: Any, verdict: str) -> None:
    """To dismiss an alert is to call the service healthy."""
    incident = an_incident(recommendation=recommendation).model_dump()
    incident.pop("verdict", None)

    assert verdict_of(cast(Incident, SimpleNamespace(**incident))) == verdict


def test_services_are_ranked_in_the_order_of_hypotheses_and_components() -> None:
    """Each once, where it is named first."""
    assert named_services(causes(["stock", "mail"], ["stock", "shop"]), "shop", SERVICES) == ["stock", "mail", "shop"]


def test_hypothesis_without_a_service_speaks_of_the_alerted_one() -> None:
    """A file of the code, or nothing, is its own."""
    assert named_services(causes(["src/Stock.java"], []), "shop", SERVICES) == ["shop"]


@pytest.mark.parametrize(
    "component", ["stock", "stock:8080", "http://stock:8080/items", "stock.prod.svc.cluster.local"]
)
def test_address_within_the_cluster_names_its_service(component: str) -> None:
    """A log line names a dependency by the address it was called at."""
    assert named_services(causes([component]), "shop", SERVICES) == ["stock"]


def test_dismissed_alert_names_nobody() -> None:
    """No hypotheses, no culprit."""
    assert named_services(None, "shop", SERVICES) == []
    assert (rank_of("stock", []), rank_of("stock", ["shop", "stock"]), rank_of(None, ["shop"])) == (None, 2, None)
