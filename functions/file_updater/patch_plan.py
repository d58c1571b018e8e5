"""Turn a patch into whole new files at one commit, checked; or say why not."""

from dataclasses import dataclass

from shared.code_host import edits
from shared.code_host.port import CodeReader, FileWrite
from shared.contracts import CodeAnalysis, FileStat, Patch
from shared.errors import Rejected

from .exact_revert import read_ahead, reverted_commit
from .patch_diff import FileDiff
from .patch_parsing import check_parses
from .patch_policy import PatchPolicy, as_diffs


@dataclass(frozen=True)
class Plan:
    """What would be written on `base_commit`."""

    base_commit: str
    writes: list[FileWrite]
    diffs: list[FileDiff]
    reverts: str | None = None
    """The commit that it was checked to be the exact revert of; None for any other change, whatever it calls itself."""

    @property
    def paths(self) -> list[str]:
        """The files, in the order the patch names them."""
        return [write.path for write in self.writes]

    @property
    def diff(self) -> str:
        """The whole unified diff."""
        return "".join(diff.text for diff in self.diffs)

    @property
    def stats(self) -> list[FileStat]:
        """How much of each file changes."""
        return [
            FileStat(path=diff.path, lines_added=diff.lines_added, lines_removed=diff.lines_removed)
            for diff in self.diffs
        ]


def plan(patch: Patch, reader: CodeReader, head: str, policy: PatchPolicy, analysis: CodeAnalysis) -> Plan:
    """
    Return the patch applied at commit `head`, whatever commit it was made for: each edit must match exactly once.

    A change that is not the exact revert of a suspect commit is a model's, which may change less.
    Raises Rejected (a text missing or ambiguous, a file that is not text, the policy, a file that would not parse),
    Unavailable, Throttled, Refused (from the reader).
    """
    read_ahead(patch, reader, head, analysis)
    present = set(reader.paths(head))
    before: dict[str, str | None] = {}

    def read(path: str) -> str | None:
        text = reader.read(path, head)
        if text is None and path in present:
            raise Rejected(f"{path!r} is binary, not UTF-8 text or larger than 1 MB, so it is not edited")
        before[path] = text
        return text

    writes = edits.apply(patch.files_to_modify, read)
    diffs = as_diffs(writes, before)
    reverts = reverted_commit(patch, writes, reader, head, analysis)
    policy.check(diffs, "revert" if reverts else "fix")
    for diff in diffs:
        check_parses(diff.path, diff.before, diff.after)
    return Plan(head, writes, diffs, reverts)
