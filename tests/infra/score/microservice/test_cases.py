"""A recorded incident is read whole, or refused with a reason."""

from pathlib import Path

import pytest

from infra.score.microservice.cases import Fault, folders, read
from shared.errors import Rejected
from tests.infra.score.microservice.small_cases import INJECTED, every, faulty, record, two_cases

LINES = {"shop": every(10, "INFO served")}


def test_incident_has_its_fault_and_services(tmp_path: Path) -> None:
    """The truth, the services that wrote lines, and the series."""
    control, incident = (read(folder) for folder in folders(two_cases(tmp_path)))

    assert incident.fault == Fault("stock", "exception", INJECTED)
    assert incident.services == ("mail", "shop", "stock")
    assert {one.service for one in incident.series} == {"shop", "stock"}
    assert (control.fault, control.services, control.series) == (None, ("mail", "shop"), ())


def test_services_of_an_incident_share_a_half_and_those_of_a_control_need_not(tmp_path: Path) -> None:
    """A threshold chosen on one service of an incident has seen the incident."""
    names = {f"service-{number}": every(60, "INFO served") for number in range(20)}
    incident = read(record(tmp_path, "incident", names, **faulty(root_cause_service="service-0")))
    control = read(record(tmp_path, "control", names, fault_type="none"))

    assert len({incident.half(service) for service in incident.services}) == 1
    assert len({control.half(service) for service in control.services}) == 2


def test_folder_without_incidents_is_rejected(tmp_path: Path) -> None:
    """The option to correct is named."""
    with pytest.raises(Rejected, match="--cases"):
        folders(tmp_path)


@pytest.mark.parametrize("field", ["root_cause_service", "inject_time"])
def test_fault_without_its_truth_is_rejected(tmp_path: Path, field: str) -> None:
    """Without a culprit or a time nothing can be measured."""
    truth = {name: value for name, value in faulty().items() if name != field}

    with pytest.raises(Rejected, match=field):
        read(record(tmp_path, "incident", LINES, **truth))


def test_fault_without_an_expected_type_is_rejected(tmp_path: Path) -> None:
    """A fault that the table does not hold would silently count as wrong."""
    with pytest.raises(Rejected, match=r"'meteorite' has no row in fault_types\.py"):
        read(record(tmp_path, "incident", LINES, **faulty(fault_type="meteorite")))


def test_broken_file_is_named(tmp_path: Path) -> None:
    """The author of a case learns which one is broken."""
    folder = record(tmp_path, "incident", LINES, **faulty())
    (folder / "logs.loki.json.gz").write_bytes(b"no gzip")

    with pytest.raises(Rejected, match="incident"):
        read(folder)


def test_case_without_a_line_is_rejected(tmp_path: Path) -> None:
    """There is no service to alert on."""
    with pytest.raises(Rejected, match="no log line"):
        read(record(tmp_path, "incident", {}, **faulty()))
