"""What each fault that is injected into a system is in the words of the contracts."""

from shared.contracts import IncidentType

INCIDENT_TYPES: dict[str, IncidentType] = {
    # A method of the service's own code returns a wrong value: only its code can be repaired.
    "return": "code_issue",
    # A method of the service's own code raises.
    "exception": "code_issue",
    # Another process on the node takes the processor away: the code is right, the resource is missing.
    "cpu_contention": "infrastructure_issue",
    # The service's own container burns its processor, by a load that is no part of its code.
    "cpu_consumed": "infrastructure_issue",
    # Packets of the pod are late. The network between own services is the platform's; no third party is involved.
    "network_delay": "infrastructure_issue",
}
"""
The expected `Incident.incident_type_hint` by the fault's name in Nezha's data (https://github.com/IntelligentDDS/Nezha).

It is the type of the fault, whichever service is alerted on: an affected service's brief should not send its reader to
a third party when the cause is a defect in a sister service.
"""
