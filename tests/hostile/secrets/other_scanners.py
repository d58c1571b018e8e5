"""Other scanners as a second opinion, where they are installed; the product does not need them."""

import json
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from tests.hostile.secrets.values import Line

TIMEOUT_S = 600


class Scanner(ABC):
    """A command that names the lines of a file in which it sees a secret."""

    name: ClassVar[str]
    command: ClassVar[str]

    def flagged(self, lines: Sequence[Line]) -> set[int]:
        """Return the numbers of the lines in which it sees one."""
        owners: list[int] = []
        texts: list[str] = []
        for number, line in enumerate(lines):
            for text in "\n".join(line.entries).splitlines():
                owners.append(number)
                texts.append(text)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "app.log"
            file.write_text("\n".join(texts) + "\n", encoding="utf-8")
            return {owners[row - 1] for row in self._rows(file)}

    @abstractmethod
    def _rows(self, file: Path) -> Iterator[int]:
        """Yield the numbers of the flagged rows of the file, from 1."""


class DetectSecrets(Scanner):
    """Yelp's detect-secrets, with all its detectors."""

    name, command = "detect-secrets", "detect-secrets"

    def _rows(self, file: Path) -> Iterator[int]:
        done = _run([self.command, "scan", "--all-files", str(file)], file.parent)
        for findings in json.loads(done).get("results", {}).values():
            yield from (int(finding["line_number"]) for finding in findings)


class CredSweeper(Scanner):
    """Samsung's CredSweeper, with its own model."""

    name, command = "CredSweeper", "credsweeper"

    def _rows(self, file: Path) -> Iterator[int]:
        report = file.parent / "report.json"
        _run([self.command, "--path", str(file), "--save-json", str(report)], file.parent)
        for finding in json.loads(report.read_text()):
            yield from (int(place["line_num"]) for place in finding["line_data_list"])


def installed() -> list[Scanner]:
    """Return the scanners whose command is on the PATH."""
    return [scanner for scanner in (DetectSecrets(), CredSweeper()) if shutil.which(scanner.command)]


def _run(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout
