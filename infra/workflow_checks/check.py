"""Apply every rule to one source."""

from infra.local.engine import DefinitionRejected
from infra.local.engine.workflows import parse, violations
from infra.workflow_checks import shapes, steps, variables
from infra.workflow_checks.contracts import Contracts
from infra.workflow_checks.finding import Finding


def check(text: str, contracts: Contracts) -> list[Finding]:
    """
    Return the findings of a source, ordered by line.

    A malformed source has one finding, its first error: it cannot be checked further.
    """
    try:
        routines = parse(text)
    except DefinitionRejected as error:
        return [Finding(error.line, " ".join(str(error).split()))]
    findings = [Finding(violation.line, str(violation)) for violation in violations(routines)]
    for routine in routines.values():
        findings += [*steps.check(routine), *variables.check(routine, frozenset(routines))]
    findings += [*steps.check_nesting(routines), *shapes.check(routines, contracts)]
    return sorted(set(findings))
