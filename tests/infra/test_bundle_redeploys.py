"""Independent deploys: one change touches exactly the bundles that import it."""

import shutil
from pathlib import Path

import pytest

from infra import bundle

ALL = frozenset(bundle.names())
MODEL_USERS = frozenset({"code_analyzer", "incident_detection", "rca", "solution_generator", "suggestion"})
CODE_READERS = frozenset({"code_analyzer", "file_updater", "pr_creator", "solution_generator"})


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The identities of the bundles as they are."""
    return hashes(tmp_path_factory.mktemp("before"))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what bundles are made of, that a test may change."""
    for name in ("functions", "shared"):
        shutil.copytree(bundle.ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(bundle, "ROOT", tmp_path)
    monkeypatch.setattr(bundle, "FUNCTIONS", tmp_path / "functions")
    return tmp_path


def hashes(build: Path) -> dict[str, str]:
    """Return the identity of every function's bundle."""
    return {name: bundle.write(name, build).sha256 for name in bundle.names()}


@pytest.mark.parametrize(
    ("changed", "must", "may_not"),
    [
        ("shared/telemetry/loki.py", {"incident_detection"}, ALL - {"incident_detection"}),
        ("shared/telemetry/prometheus.py", {"incident_detection"}, ALL - {"incident_detection"}),
        ("shared/model/gemini.py", MODEL_USERS, {"alert_intake", "workflow_starter", "file_updater", "pr_creator"}),
        ("shared/code_host/github.py", CODE_READERS, {"alert_intake", "workflow_starter", "rca", "suggestion"}),
        (
            "shared/outbox/mail/gmail.py",
            {"post_process"},
            MODEL_USERS | CODE_READERS | {"alert_intake", "workflow_starter"},
        ),
        ("shared/cloud/workflows.py", {"workflow_starter"}, MODEL_USERS | CODE_READERS | {"alert_intake"}),
        ("functions/rca/prompt.md", {"rca"}, ALL - {"rca"}),
        ("functions/post_process/brief/brief.mjml", {"post_process"}, ALL - {"post_process"}),
        ("functions/alert_intake/parse_alerts.py", {"alert_intake"}, ALL - {"alert_intake"}),
        ("shared/errors.py", ALL, frozenset()),
        ("functions/rca/requirements.txt", {"rca"}, ALL - {"rca"}),
    ],
)
def test_one_change_redeploys_exactly_who_holds_it(
    changed: str, must: frozenset[str], may_not: frozenset[str], before: dict[str, str], repository: Path
) -> None:
    """The hashes of all other bundles stay what they were, and so their deployments."""
    holders = {name for name in before if changed.removeprefix(f"functions/{name}/") in bundle.files(name)}
    path = repository / changed
    path.write_text(path.read_text() + "\n# changed\n")

    after = hashes(repository / "after")

    redeployed = {name for name in after if after[name] != before[name]}
    assert redeployed == holders
    assert must <= redeployed
    assert not redeployed & may_not
