"""Withholds a patch that holds credentials: redaction would change its bytes, and the trace stores the patch."""

from shared.contracts import Patch, Solution
from shared.redaction import holds_credentials


def without_secrets(solution: Solution) -> Solution:
    """Return the solution, without its patch when one of its texts holds a credential."""
    if solution.patch is None or not (paths := _paths(solution.patch)):
        return solution
    why = f"The change touches what looks like a credential in {', '.join(paths)}; make it by hand."
    return solution.replace(patch=None, patch_withheld=why)


def _paths(patch: Patch) -> list[str]:
    edits = patch.files_to_modify
    return [edit.path for edit in edits if any(holds_credentials(text) for text in (edit.original, edit.new) if text)]
