"""What a patch may touch: paths and size; and that it adds no secret."""

from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase

from pydantic import Field

from shared import redaction
from shared.code_host.port import FileWrite
from shared.errors import Rejected
from shared.pull_request.writable_paths import Strategy, denial, is_plain
from shared.settings import Settings

from .patch_diff import FileDiff

_REDACTED = "[cut: "


class PatchPolicy(Settings):
    """What a patch may touch."""

    pr_allowed_paths: list[str] = Field(
        default_factory=list,
        description="JSON list of globs: files of build, CI, packaging and other tools that a pull request may change.",
    )
    pr_max_files: int = Field(20, ge=1, le=20, description="Maximum files one pull request may change.")
    pr_max_changed_lines: int = Field(
        1000, ge=1, le=20_000, description="Maximum lines it may add and remove together."
    )

    def check(self, diffs: Sequence[FileDiff], strategy: Strategy) -> None:
        """
        Accept a patch that keeps to the writable paths and the size and adds no secret.

        Raises Rejected naming the file, or the size, and the setting that can allow it.
        """
        if len(diffs) > self.pr_max_files:
            raise Rejected(f"the patch changes {len(diffs)} files, PR_MAX_FILES allows {self.pr_max_files}")
        lines = sum(diff.lines_added + diff.lines_removed for diff in diffs)
        if lines > self.pr_max_changed_lines:
            raise Rejected(f"the patch changes {lines} lines, PR_MAX_CHANGED_LINES allows {self.pr_max_changed_lines}")
        for diff in diffs:
            self._check_path(diff.path, strategy)
            _check_secrets(diff)

    def _check_path(self, path: str, strategy: Strategy) -> None:
        reason = denial(path, strategy)
        if reason and not (is_plain(path) and any(fnmatchcase(path, pattern) for pattern in self.pr_allowed_paths)):
            raise Rejected(f"{path!r} is not changed automatically: {reason}; PR_ALLOWED_PATHS can allow it")


def _check_secrets(diff: FileDiff) -> None:
    """Refuse a secret that the patch would add; those the file holds already are not counted."""
    if not redaction.holds_credentials(diff.added_text):
        return
    before, after = _secrets(diff.before or ""), _secrets(diff.after or "")
    for kind, count in after.items():
        if count > before[kind]:
            raise Rejected(f"{diff.path!r} would hold what looks like a secret ({kind}) that it does not hold now")


def check_shown(diff: str) -> None:
    """
    Accept a change whose every new line stands as it is on the page on which a person approves it.

    What looks like a secret or a personal detail is redacted there, and code can be written so that it does. Raises
    Rejected naming the line.
    """
    lines = Counter(redaction.redact(diff).split("\n"))
    lines.subtract(diff.split("\n"))
    if hidden := [line for line, count in lines.items() if count < 0 and line.startswith("+")]:
        visible_part = redaction.redact(hidden[0][1:]).strip()
        raise Rejected(f"a person could not see all of a new line, as parts of it are redacted: {visible_part[:200]!r}")


def _secrets(text: str) -> Counter[str]:
    """Count what redaction would replace, by its kind."""
    pieces = redaction.redact(text).split(_REDACTED)[1:]
    secrets = Counter(piece.split("]", 1)[0] for piece in pieces)
    secrets.subtract(piece.split("]", 1)[0] for piece in text.split(_REDACTED)[1:])
    return secrets


def as_diffs(writes: Sequence[FileWrite], before: dict[str, str | None]) -> list[FileDiff]:
    """Return each write with the text it replaces."""
    return [FileDiff(write.path, before.get(write.path), write.text) for write in writes]
