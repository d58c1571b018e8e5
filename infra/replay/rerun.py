"""Run steps again on recorded inputs, in this process: they read code, ask a model, and write nothing outside."""

import inspect
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.code_analyzer.main import code_analyzer
from functions.rca.main import rca
from functions.solution_generator.main import solution_generator
from functions.suggestion.main import suggestion
from infra.evals.run_scenario import environment
from infra.local.cli import serve
from infra.local.sandboxes.gemini.server import GeminiSandbox
from infra.local.sandboxes.github.deployments import DEPLOYMENTS
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.stack.model_choice import PROVIDERS, ModelChoice
from infra.replay.recorded import Recorded
from shared.bounds import Contract
from shared.errors import Rejected
from shared.step import steps
from shared.step.recorder import Recording, recording
from shared.step.steps import StepRow

REPLAYED: dict[str, Callable[..., object]] = {
    "rca": rca,
    "suggestion": suggestion,
    "code_analyzer": code_analyzer,
    "solution_generator": solution_generator,
}
"""In the order of the workflow. Detection reads telemetry, of which the trace holds excerpts; the others write."""
TOKEN = "replay-token"  # noqa: S105  # opens a sandbox on loopback


@dataclass(frozen=True)
class Rerun:
    """A step's recorded answer, its answer now, and what it did for that."""

    row: StepRow
    before: Contract | None
    after: Contract
    done: Recording

    @property
    def tokens(self) -> int:
        """Tokens of the replay."""
        return sum(reply.tokens_in + reply.tokens_out for reply in self.done.replies)

    @property
    def cost_usd(self) -> float:
        """US dollars of the replay."""
        return sum(reply.cost_usd for reply in self.done.replies)


def rerun(recorded: Recorded, only: str = "") -> list[Rerun]:
    """
    Return the replayed steps: one on what was recorded, or each that had an answer, on what those before answer now.

    Raises Rejected naming the steps when `only` is none of them, and what a step raises.
    """
    if only and only not in REPLAYED:
        raise Rejected(f"STEP is one of {', '.join(REPLAYED)}; {only!r} reads or writes what no trace holds")
    names = [only] if only else [name for name in REPLAYED if name in recorded.answers]
    reruns = []
    for name in names:
        row = steps.BY_NAME[name]
        fields = recorded.request_fields()
        request = row.request.model_validate({key: fields[key] for key in row.request.model_fields if key in fields})
        # The step's own log lines would hide what differs.
        with recording() as done, Path(os.devnull).open("w") as devnull, redirect_stdout(devnull):
            work: Any = inspect.unwrap(REPLAYED[name])
            answer: Contract = work(request)
        reruns.append(Rerun(row, recorded.answers.get(name), answer, done))
        recorded = recorded.with_answer(row, answer)
    return reruns


@contextmanager
def apart(model: str, repository: tuple[Path, str] | None) -> Iterator[None]:
    """
    Make a place apart for replays: a store of their own, which is thrown away, and the model and code that are chosen.

    `model` is offline, sandbox, gemini, the name of one of Gemini's models, or empty for the environment's;
    `repository` is a git directory with the name under which it is read, in place of the code host.
    """
    with tempfile.TemporaryDirectory(prefix="replay-") as folder, ExitStack() as sandboxes:
        variables = {"TRACES_PROVIDER": "embedded", "TRACES_PATH": f"{folder}/traces.sqlite3"}
        variables |= _model(model, sandboxes)
        if repository is not None:
            git_dir, name = repository
            # Its pull requests, which a replay never opens, would go here; deployments are read from the same folder.
            if (git_dir / DEPLOYMENTS).exists():
                shutil.copy(git_dir / DEPLOYMENTS, folder)
            github = GithubSandbox(git_dir, name, token=TOKEN, pulls_path=Path(folder) / "pulls.json")
            url = sandboxes.enter_context(github).url
            variables |= {"GITHUB_API_URL": url, "GITHUB_REPO": name, "GITHUB_TOKEN": TOKEN, "SERVICE_REPOS": ""}
        with environment(variables):
            yield


def local_repository(recorded: Recorded) -> tuple[Path, str] | None:
    """Return the repository that the local stack's GitHub serves, under the name that the incident's code has."""
    git_dir = serve.CURRENT / "scenario" / "repo.git"
    code = recorded.request_fields()["code_analysis"]
    return (git_dir.resolve(), code.repo) if git_dir.exists() and code is not None and code.repo else None


def _model(chosen: str, sandboxes: ExitStack) -> Mapping[str, str]:
    if not chosen:
        return {}
    if chosen == "sandbox":
        sandbox = sandboxes.enter_context(GeminiSandbox())
        return ModelChoice("sandbox").settings(sandbox.url)
    if chosen in PROVIDERS:
        return ModelChoice("offline" if chosen == "offline" else "gemini").settings("")
    names = {name: "" for name in os.environ if name.startswith("GEMINI_MODEL_")}
    return {
        **ModelChoice("gemini").settings(""),
        **names,
        "GEMINI_MODEL_HEAVY": chosen,
        "GEMINI_MODEL_LIGHT": chosen,
    }
