"""
Static checks of a workflow: `make check-workflows`.

`check` reads a source and returns its findings; there is one module per rule set, over the local engine's syntax tree:
the language itself (`infra.local.engine.language.checks`), `steps`, `variables`, and `shapes` with `contracts`: calls
must match the function's request contract, and reads must match its answer contract.
"""

from infra.workflow_checks.check import check
from infra.workflow_checks.finding import Finding

__all__ = ["Finding", "check"]
