"""What takes no analyst: the deepest frame of the trace, the newest commits of its file, the commit git blames."""

from infra.local.scenarios import history
from infra.score.code.cases import CodeCase
from shared.errors import Rejected

LISTED = 50


def files(case: CodeCase) -> list[str]:
    """Return the files of the trace's own frames, the deepest first, each once."""
    return list(dict.fromkeys(file for file, _ in case.frames))


def newest_on_file(case: CodeCase) -> list[str]:
    """Return the commits of the deepest frame's file, the newest first."""
    if case.git_dir is None or not case.frames:
        return []
    path, _ = case.frames[0]
    arguments = ("log", f"-{LISTED}", "--no-merges", "--format=%H", case.truth.snapshot, "--", path)
    return history.run_git(*arguments, cwd=case.git_dir).split()


def blamed(case: CodeCase) -> list[str]:
    """Return the commit that wrote the line of the deepest frame."""
    if case.git_dir is None or not case.frames or case.frames[0][1] is None:
        return []
    path, line = case.frames[0]
    arguments = ("blame", "-s", "-l", f"-L{line},{line}", case.truth.snapshot, "--", path)
    try:
        return [history.run_git(*arguments, cwd=case.git_dir).split()[0].lstrip("^")]
    except Rejected:
        # A frame can be of a file, or of a line, that the test wrote.
        return []
