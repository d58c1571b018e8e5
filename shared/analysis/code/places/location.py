"""A place in the code with its text, and the files of one commit."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.analysis.code.line_history import Place
from shared.code_host.port import CodeReader

MAX_FILES_READ = 8


@dataclass(frozen=True)
class CodeLocation:
    """A place, the text of its file, and why it was chosen."""

    place: Place
    text: str
    issue: str
    correlation: str
    evidence_ids: tuple[str, ...]
    is_frame: bool = True
    """Whether a frame of a trace stands here; the message or a commit leads to the others."""


class Files:
    """Files of one commit; each is read once, at most MAX_FILES_READ are read."""

    def __init__(self, reader: CodeReader, commit: str) -> None:
        self._reader = reader
        self._commit = commit
        self._texts: dict[str, str | None] = {}

    def paths(self) -> Sequence[str]:
        return self._reader.paths(self._commit)

    def text(self, path: str) -> str | None:
        if path not in self._texts and len(self._texts) < MAX_FILES_READ:
            self._texts[path] = self._reader.read(path, self._commit)
        return self._texts.get(path)
