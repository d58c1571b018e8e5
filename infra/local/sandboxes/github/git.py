"""Git plumbing over a real repository: what the GitHub sandbox reads and writes, so that plain `git` sees the same."""

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.local.sandboxes.github.names import NameReader

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_RECORD = "%H%n%T%n%P%n%an%n%ae%n%at%n%cn%n%ce%n%ct%n%B"
_FULL_SHA = re.compile(r"[0-9a-f]{40}")
_MAX_REMEMBERED_BYTES = 32 * 1024 * 1024


class GitError(Exception):
    """A git command failed; the message is git's own."""


@dataclass(frozen=True)
class Person:
    """Who made a commit and when, aware UTC."""

    name: str
    email: str
    at: datetime


@dataclass(frozen=True)
class CommitRecord:
    """One commit as git stores it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class TreeEntry:
    """One row of a tree; `size` is in bytes, None for trees and submodules."""

    mode: str
    type: str
    sha: str
    path: str
    size: int | None = None


@dataclass(frozen=True)
class TreeEdit:
    """One path to set, or to delete when `sha` is None."""

    path: str
    mode: str
    sha: str | None


class Repository:
    """
    One repository, bare or not, driven by the `git` command.

    What is named by full shas never changes, so git computes it once, as GitHub answers it from its caches; references
    are read again each time.
    """

    def __init__(self, git_dir: Path) -> None:
        self.git_dir = git_dir
        # The user's configuration and the owner of the folder must not change a result.
        options = ["--literal-pathspecs", "-c", "safe.directory=*", "-c", "core.quotePath=false"]
        self._git = ["git", *options, f"--git-dir={git_dir}"]
        self._env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        self._names = NameReader(self._git, self._env)
        self._outputs: dict[tuple[str, ...], bytes] = {}
        self._outputs_bytes = 0
        self._outputs_lock = threading.Lock()

    def run(self, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """
        Run one git command and return what it printed.

        Raises GitError when it fails.
        """
        done = subprocess.run(
            [*self._git, *args],
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
            env={**self._env, **(env or {})},
        )
        if done.returncode != 0:
            raise GitError(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def run_on(self, revisions: Sequence[str], *args: str) -> bytes:
        """
        Run one git command whose answer depends on `revisions` alone, or repeat its answer when these are full shas.

        Raises GitError, which is never repeated: what is absent may be written.
        """
        if not all(_FULL_SHA.fullmatch(revision) for revision in revisions):
            return self.run(*args)
        with self._outputs_lock:
            output = self._outputs.get(args)
        if output is None:
            output = self.run(*args)
            self._remember(args, output)
        return output

    def _remember(self, args: tuple[str, ...], output: bytes) -> None:
        with self._outputs_lock:
            if self._outputs_bytes + len(output) > _MAX_REMEMBERED_BYTES:
                self._outputs.clear()
                self._outputs_bytes = 0
            if args not in self._outputs:
                self._outputs[args] = output
                self._outputs_bytes += len(output)

    def close(self) -> None:
        """End the process that reads names; the next name starts another."""
        self._names.close()

    def text(self, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> str:
        """Run one git command and return its output stripped. Raises GitError."""
        return self.run(*args, stdin=stdin, env=env).decode(errors="replace").strip()

    def is_empty(self) -> bool:
        """Return whether the repository has no reference at all."""
        return self.resolve("HEAD") is None and not self.text("for-each-ref", "--count=1")

    def resolve(self, ref: str, kind: str = "commit") -> str | None:
        """Return the full sha `ref` stands for as a commit, tree or blob, or None when it does not exist."""
        if not ref or ref.startswith("-") or "\n" in ref:
            return None
        if _FULL_SHA.fullmatch(ref) and (sha := self._peeled(ref, kind)):
            return sha
        rows = self._names.read([f"{name}^{{{kind}}}" for name in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}")])
        return next((row for row in rows if _FULL_SHA.fullmatch(row)), None)

    def _peeled(self, sha: str, kind: str) -> str | None:
        try:
            out = self.run_on([sha], "rev-parse", "--verify", "--quiet", "--end-of-options", f"{sha}^{{{kind}}}")
        except GitError:
            return None
        return out.decode().strip()

    def refs(self, prefix: str) -> list[tuple[str, str, str]]:
        """Return (name, sha, type) of every reference whose name starts with `prefix`."""
        rows = self.text("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)").splitlines()
        refs = [tuple(row.split(" ")) for row in rows]
        return [(name, sha, kind) for name, sha, kind in refs if name.startswith(prefix)]

    def set_ref(self, ref: str, sha: str, *, is_new: bool) -> None:
        """Point `ref` at `sha`. Raises GitError, also when it `is_new` and exists."""
        self.run("update-ref", ref, sha, *(["0" * 40] if is_new else []))

    def delete_ref(self, ref: str) -> None:
        """Delete `ref`. Raises GitError."""
        self.run("update-ref", "-d", ref)

    def blob(self, sha: str) -> bytes:
        """Return a blob's bytes. Raises GitError."""
        return self.run_on([sha], "cat-file", "blob", sha)

    def write_blob(self, content: bytes) -> str:
        """Store a blob and return its sha."""
        return self.text("hash-object", "-w", "--stdin", stdin=content)

    def tree(self, tree_ish: str, path: str = "", *, is_recursive: bool = False) -> list[TreeEntry]:
        """Return the entries of a tree, those of its subtrees too when `is_recursive`. Raises GitError."""
        flags = ["-r", "-t"] if is_recursive else []
        where = f"{tree_ish}:{path}" if path else tree_ish
        out = self.run_on([tree_ish], "ls-tree", "-z", "-l", *flags, "--end-of-options", where)
        return [_entry(row) for row in out.decode(errors="replace").split("\0") if row]

    def entry(self, ref: str, path: str) -> TreeEntry | None:
        """Return the entry at `path`, or None when it does not exist."""
        out = self.run_on([ref], "ls-tree", "-z", "-l", "--end-of-options", ref, path.rstrip("/"))
        return _entry(out.decode(errors="replace").rstrip("\0")) if out else None

    def write_tree(self, base_tree: str | None, edits: Sequence[TreeEdit]) -> str:
        """Store a tree: `base_tree` with `edits` applied, in order. Raises GitError when an edit is impossible."""
        rows = [f"{edit.mode if edit.sha else '0'} {edit.sha or '0' * 40}\t{edit.path}\0" for edit in edits]
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
            if base_tree:
                self.run("read-tree", base_tree, env=env)
            self.run("update-index", "-z", "--index-info", stdin="".join(rows).encode(), env=env)
            return self.text("write-tree", env=env)

    def write_commit(
        self, message: str, tree: str, parents: Sequence[str], author: Person, committer: Person
    ) -> CommitRecord:
        """Store a commit that no reference points to yet. Raises GitError."""
        env = {
            **{f"GIT_AUTHOR_{key}": value for key, value in _identity(author).items()},
            **{f"GIT_COMMITTER_{key}": value for key, value in _identity(committer).items()},
        }
        above = [part for parent in parents for part in ("-p", parent)]
        return self.commit(self.text("commit-tree", tree, *above, "-F", "-", stdin=message.encode(), env=env))

    def commit(self, sha: str) -> CommitRecord:
        """Return one commit. Raises GitError."""
        return self.log(sha, limit=1)[0]

    def log(
        self, ref: str, *, path: str = "", options: Sequence[str] = (), skip: int = 0, limit: int = 30
    ) -> list[CommitRecord]:
        """Return commits reachable from `ref` (or a range), newest first. Raises GitError."""
        where = ["--", path] if path else ["--"]
        window = [f"--skip={skip}", f"--max-count={limit}", *options]
        arguments = ["log", "-z", f"--format={_RECORD}", *window, "--end-of-options", ref, *where]
        out = self.run(*arguments) if options else self.run_on(ref.split(".."), *arguments)
        return [_commit(record) for record in out.decode(errors="replace").split("\0") if record]

    def count(self, ref: str, *, path: str = "", options: Sequence[str] = ()) -> int:
        """Return how many commits `log` would give without a limit. Raises GitError."""
        where = ["--", path] if path else ["--"]
        arguments = ["rev-list", "--count", *options, "--end-of-options", ref, *where]
        # Options name times, which may be relative to now.
        return int(self.run(*arguments) if options else self.run_on(ref.split(".."), *arguments))

    def merge_base(self, base: str, head: str) -> str:
        """Return the newest commit that both have in their history. Raises GitError when there is none."""
        return self.run_on([base, head], "merge-base", base, head).decode().strip()

    def grep(self, ref: str, words: Sequence[str]) -> list[str]:
        """Return the paths of text files at `ref` that contain every one of `words`, ignoring case."""
        patterns = [part for word in words for part in ("-e", word)]
        try:
            out = self.run_on([ref], "grep", "-l", "-z", "-I", "-i", "-F", "--all-match", *patterns, ref, "--")
        except GitError:
            return []  # git grep fails when it finds nothing
        return [row.removeprefix(f"{ref}:") for row in out.decode(errors="replace").split("\0") if row]


def _identity(person: Person) -> dict[str, str]:
    return {"NAME": person.name, "EMAIL": person.email, "DATE": f"{int(person.at.timestamp())} +0000"}


def _entry(row: str) -> TreeEntry:
    """Read one row of `ls-tree -l`."""
    facts, path = row.split("\t", 1)
    mode, kind, sha, size = facts.split()
    return TreeEntry(mode, kind, sha, path, int(size) if size.isdigit() else None)


def _commit(record: str) -> CommitRecord:
    """Read one record of `_RECORD`."""
    sha, tree, parents, name, email, at, committer, committer_email, committed_at, message = record.split("\n", 9)
    return CommitRecord(
        sha,
        tree,
        tuple(parents.split()),
        Person(name, email, datetime.fromtimestamp(int(at), UTC)),
        Person(committer, committer_email, datetime.fromtimestamp(int(committed_at), UTC)),
        message.rstrip("\n"),
    )
