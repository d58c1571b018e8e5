"""Run gcloud and Terraform, and ask them what there is."""

import re
import shlex
import subprocess
from collections.abc import Sequence

# What gcloud prints when something does not exist. Its exit code is 1 for an expired login and a lost network too.
NOT_FOUND = re.compile(
    r"not found: 404|HTTPError 404|matched no objects|NOT_FOUND: Secret|SERVICE_DISABLED|has not been used in project",
    re.IGNORECASE,
)

Command = list[str]


class DeployFailed(Exception):
    """A command failed or a tool is missing; the message says which."""


def is_there(command: Sequence[str]) -> bool:
    """Say whether the thing described exists. Raises DeployFailed when that is unknown."""
    return described(command) is not None


def described(command: Sequence[str]) -> str | None:
    """Return what gcloud prints of a thing, None when it does not exist. Raises DeployFailed when that is unknown."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout.strip()
    if NOT_FOUND.search(done.stderr):
        return None
    thing = next(part for part in command if part.startswith(("gs://", "--secret=")))
    raise DeployFailed(
        f"Whether {thing.removeprefix('--')} exists is unknown, so nothing was deployed. {done.stderr.strip()}"
    )


def answer(command: Sequence[str]) -> str:
    """Return what a command prints. Raises DeployFailed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeployFailed(f"{shlex.join(command)} ended with {done.returncode}. {done.stderr.strip()}")
    return done.stdout.strip()


def run(command: Sequence[str], stdin: str | None = None, fine: Sequence[int] = (0,)) -> int:
    """
    Run a command, which is printed, with a text as its standard input, which is not; return how it ended.

    Raises DeployFailed when that is none of the `fine` ways.
    """
    print("+", shlex.join(command), flush=True)
    done = subprocess.run(command, input=stdin, text=True, check=False)
    if done.returncode not in fine:
        raise DeployFailed(f"{command[0]} ended with {done.returncode}")
    return done.returncode
