"""All rules over one source."""

from infra.local.engine import DefinitionRejected
from infra.local.engine.workflows import parse, violations
from infra.workflow_checks import shapes, steps, variables
from infra.workflow_checks.contracts import Contracts
from infra.workflow_checks.finding import Finding


def check(text: str, contracts: Contracts) -> list[Finding]:
    """
    Return the findings of a source in the order of its lines.

    A source of the wrong form has one finding, the first: nothing more can be known of it.
    """
    try:
        routines = parse(text)
    except DefinitionRejected as error:
        return [Finding(error.line, " ".join(str(error).split()))]
    found = [Finding(violation.line, str(violation)) for violation in violations(routines)]
    for routine in routines.values():
        found += [*steps.check(routine), *variables.check(routine, frozenset(routines))]
    found += [*steps.check_nesting(routines), *shapes.check(routines, contracts)]
    return sorted(set(found))
