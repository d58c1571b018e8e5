"""Known incidents with a trace: a folder each, with the log, the files of the fault and perhaps its commit."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from infra.local.scenarios import history
from infra.score.halves import Half, half_of
from shared.errors import Rejected

FOLDERS = ("executed", "quoted")
Tier = Literal["gold-bisect", "gold-born", "none"]
"""How the culprit is known: by bisecting, as the first commit that had the behaviour at all, or not."""


class _Frame(BaseModel):
    file: str | None = None
    repo_path: str | None = None
    line: int | None = None

    @property
    def named(self) -> str | None:
        """The file as the repository names it; None where it is not of the repository."""
        return self.file or self.repo_path


class _CaseFile(BaseModel):
    kind: str
    repo: str
    snapshot: str
    exception: str = ""
    in_repo_frames: list[_Frame] = Field(default_factory=list)
    frames: list[_Frame] = Field(default_factory=list)
    culprit_files: list[str]
    culprit_commit: str | None = None
    culprit_tier: Tier | None = None


@dataclass(frozen=True)
class CodeCase:
    """One incident; `git_dir` is None where its repository is not at hand."""

    folder: Path
    truth: _CaseFile
    git_dir: Path | None

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def half(self) -> Half:
        """The half that it belongs to."""
        return half_of(self.name)

    @property
    def tier(self) -> Tier:
        """How its culprit is known."""
        return self.truth.culprit_tier or "none"

    @property
    def culprit(self) -> str | None:
        """The commit to find."""
        return self.truth.culprit_commit

    @cached_property
    def exception_type(self) -> str:
        """The type of its exception, without modules."""
        return self.truth.exception.split(":")[0].strip().rsplit(".", 1)[-1]

    def is_culprit(self, path: str) -> bool:
        """Return whether a file is one of the fault, also where it stood above `src` until the fix was made."""
        return any(path == named or named.endswith(f"/{path}") for named in self.truth.culprit_files)

    @cached_property
    def frames(self) -> list[tuple[str, int | None]]:
        """File and line of its frames that are of the repository, the deepest first."""
        listed = [(frame.named, frame.line) for frame in (self.truth.in_repo_frames or self.truth.frames)]
        return [(file, line) for file, line in reversed(listed) if file]


def read(cases: Path, repos: Path | None) -> list[CodeCase]:
    """
    Return the incidents of a folder: those below `executed` and `quoted`, or else of the folder itself.

    A folder without `culprit_files` in its case.json is none of them. Raises Rejected when there is none, or naming one
    that cannot be read.
    """
    above = [cases / name for name in FOLDERS if (cases / name).is_dir()] or [cases]
    listed = [case for folder in above for case in _below(folder, repos)]
    if not listed:
        raise Rejected(f"{str(cases)!r} holds no folder whose case.json names culprit_files: set --cases")
    return listed


def _below(folder: Path, repos: Path | None) -> Iterator[CodeCase]:
    for path in sorted(folder.glob("*/case.json")):
        text = path.read_text("utf-8")
        if '"culprit_files"' not in text:
            continue
        try:
            truth = _CaseFile.model_validate_json(text)
        except ValidationError as error:
            raise Rejected(f"case {str(path.parent)!r} cannot be read: {error}") from error
        yield CodeCase(path.parent, truth, repository_of(truth.repo, truth.snapshot, repos))


def repository_of(repo: str, commit: str, repos: Path | None) -> Path | None:
    """Return the git directory `<repos>/<owner>/<name>` where there is one, and it holds the commit."""
    folder = repos / repo if repos else None
    return folder.resolve() if folder and folder.is_dir() and history.has_commit(folder, commit) else None
