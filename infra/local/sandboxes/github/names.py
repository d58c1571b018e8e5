"""What names stand for now: asked of one `git cat-file` that stays, so that a name costs no process of its own."""

import subprocess
import threading
import weakref
from collections.abc import Mapping, Sequence


class NameReader:
    """Reads references and objects afresh for each name, as every git command does; starts with the first name."""

    def __init__(self, git: Sequence[str], env: Mapping[str, str]) -> None:
        self._command = [*git, "cat-file", "--batch-check=%(objectname)"]
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def read(self, names: Sequence[str]) -> list[str]:
        """
        Return a line for each name, none of which holds a line end: its sha, or the name and what is wrong with it.

        A process that ended is started again. Raises OSError when it ends at once.
        """
        with self._turn:
            try:
                return self._ask(names)
            except OSError:
                self._end()
                return self._ask(names)

    def close(self) -> None:
        """End the process; the next name starts another."""
        with self._turn:
            self._end()

    def _ask(self, names: Sequence[str]) -> list[str]:
        process = self._process or self._start()
        assert process.stdin is not None, "it is a pipe"
        assert process.stdout is not None, "it is a pipe"
        process.stdin.write("".join(f"{name}\n" for name in names).encode())
        process.stdin.flush()
        rows = [process.stdout.readline() for _ in names]
        if not all(rows):
            raise BrokenPipeError("git cat-file ended")
        return [row.decode(errors="replace").rstrip("\n") for row in rows]

    def _start(self) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            self._command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=dict(self._env)
        )
        # Also where nobody closes it.
        self._finalizer = weakref.finalize(self, _end, self._process)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._finalizer()
            self._process = None


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()
