"""
What can be known of a workflow before it runs: `make check-workflows`.

`check` reads a source and returns its findings; the rules are one module each, over the tree of the local engine:
the language itself (`infra.local.engine.language.checks`), `steps`, `variables`, and with `contracts` and `shapes` the
product's own law, that a function is asked what its request holds and read for what its answer holds.
"""

from infra.workflow_checks.check import check
from infra.workflow_checks.finding import Finding

__all__ = ["Finding", "check"]
