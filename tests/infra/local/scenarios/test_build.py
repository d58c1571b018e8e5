"""The demo's scenario is a real service that one commit breaks and its revert fixes."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra import bundle
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from infra.local.scenarios import history
from infra.local.scenarios.build import Built, build
from shared.errors import Rejected

SCENARIO = bundle.ROOT / "infra/local/scenarios/checkout_regression"
NOW = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
FREE_TOTE_ALONE = {
    "id": "1",
    "method": "POST",
    "path": "/checkout",
    "card": "4242424242424242",
    "items": [{"sku": "tote"}],
    "code": "FREETOTE",
}
ASK = "import json, sys; sys.path.insert(0, '.'); from checkout.app import create_app; app = create_app(); "
ASK += "print(json.dumps(app.handle(json.loads(sys.stdin.read()))))"
AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


@dataclass(frozen=True)
class Played:
    """A build and its truth file."""

    built: Built
    truth: dict[str, str]

    @property
    def lines(self) -> list[tuple[int, str]]:
        """Every log entry, oldest first."""
        streams = json.loads(self.built.logs.read_text())["data"]["result"]
        return sorted((int(ns), text) for stream in streams for ns, text in stream["values"])

    def series(self, name: str) -> list[dict[str, Any]]:
        """The series of one metric."""
        assert self.built.metrics is not None
        body = json.loads(self.built.metrics.read_text())
        return [row for row in body["data"]["result"] if row["metric"]["__name__"] == name]


def play(folder: Path) -> Played:
    """Build the scenario into a folder."""
    return Played(build(SCENARIO, folder, NOW), json.loads((folder / "truth.json").read_text()))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The scenario, built once for the tests that only read."""
    return play(tmp_path_factory.mktemp("scenario"))


def repository(played: Played) -> Path:
    """The bare repository of a build."""
    assert played.built.repo_git is not None
    return played.built.repo_git


def ask(played: Played, commit: str, folder: Path) -> int:
    """Check a commit out, request a free tote from its service, and return the status."""
    history.check_out(repository(played), commit, folder)
    return ask_service(folder)


def ask_service(folder: Path) -> int:
    """Request a free tote from the service in a folder and return the status."""
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", ASK], cwd=folder, input=json.dumps(FREE_TOTE_ALONE), text=True,
        capture_output=True, check=True, timeout=30,
    )  # fmt: skip
    return int(json.loads(done.stdout.splitlines()[-1])["status"])


def test_same_second_gives_same_commits_and_lines(played: Played, tmp_path: Path) -> None:
    """Two builds for the same second have the same commits and log lines."""
    again = play(tmp_path)

    assert again.truth == played.truth
    assert again.lines == played.lines
    assert again.built.alert.read_text() == played.built.alert.read_text()


def test_other_second_gives_other_commits(played: Played, tmp_path: Path) -> None:
    """Commits are dated relative to the moment of the build."""
    later = build(SCENARIO, tmp_path, NOW + timedelta(seconds=1))

    assert later.repo_git is not None
    assert not history.has_commit(later.repo_git, played.truth["bad_commit"])


def test_user_git_configuration_changes_nothing(
    played: Played, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A user who signs commits and converts line endings gets the same history."""
    (tmp_path / "gitconfig").write_text(
        "[commit]\n gpgsign = true\n[core]\n autocrlf = true\n[user]\n name = Someone\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))

    assert play(tmp_path / "built").truth == played.truth


def test_build_refuses_a_used_folder(played: Played) -> None:
    """A build is never mixed with an older one."""
    with pytest.raises(Rejected, match="holds a build already"):
        build(SCENARIO, played.built.alert.parent, NOW)


def test_folder_without_scenario_is_rejected(tmp_path: Path) -> None:
    """The message names the file that was looked for."""
    with pytest.raises(Rejected, match=r"scenario\.yaml"):
        build(tmp_path, tmp_path / "target", NOW)


def test_bad_commit_alone_breaks_the_service(played: Played, tmp_path: Path) -> None:
    """The request succeeds on the bad commit's parent and fails on it and on the head."""
    bad = played.truth["bad_commit"]

    assert ask(played, f"{bad}~1", tmp_path / "parent") == 200
    assert ask(played, bad, tmp_path / "bad") == 500
    assert ask(played, history.BRANCH, tmp_path / "head") == 500
    assert ask(played, played.truth["deployed_before"], tmp_path / "before") == 200


def test_reverting_the_bad_commit_on_the_head_fixes_the_service(played: Played, tmp_path: Path) -> None:
    """The revert applies cleanly on the later commits, and the request succeeds again."""
    clone = tmp_path / "clone"
    history.check_out(repository(played), history.BRANCH, clone)

    history.run_git("revert", "--no-edit", played.truth["bad_commit"], cwd=clone, identity=AUTHOR)

    assert ask_service(clone) == 200


def test_bad_commit_is_one_of_several_on_its_file(played: Played) -> None:
    """Several commits change the faulty file, before the bad one and after it."""
    touching = history.run_git(
        "log", "--format=%H", history.BRANCH, "--", played.truth["file"], cwd=repository(played)
    ).split()
    newer = touching.index(played.truth["bad_commit"])

    assert newer >= 1
    assert len(touching) - newer - 1 >= 3


def test_deploy_contains_more_than_the_bad_commit(played: Played) -> None:
    """The deployed range holds at least two harmless commits after the bad one."""
    span = f"{played.truth['bad_commit']}..{played.truth['deployed_after']}"

    assert int(history.run_git("rev-list", "--count", span, cwd=repository(played))) >= 2


def test_authors_have_reserved_addresses(played: Played) -> None:
    """No author is a real person."""
    addresses = history.run_git("log", "--format=%ae%n%ce", history.BRANCH, cwd=repository(played)).split()

    assert 3 <= len(set(addresses)) <= 4
    assert all(address.endswith("@example.com") for address in addresses)


def test_commit_dates_precede_the_deploy(played: Played) -> None:
    """Author and committer dates of each commit are in order and before the deploy."""
    log = history.run_git("log", "--reverse", "--format=%at %ct", history.BRANCH, cwd=repository(played))
    dates = [tuple(map(int, line.split())) for line in log.splitlines()]

    assert all(authored == committed for authored, committed in dates)
    assert dates == sorted(dates)
    assert dates[-1][0] < NOW.timestamp() - 8.5 * 60


def test_every_traced_line_exists_at_the_deployed_commit(played: Played) -> None:
    """Each frame of each crash quotes the exact line in the repository."""
    crashes = [text for _, text in played.lines if "ZeroDivisionError" in text]
    frames = set(re.findall(r'File "/app/(\S+)", line (\d+), in \w+\n\s+(.+)', "\n".join(crashes)))

    assert len(crashes) > 20
    for path, line, quoted in frames:
        source = history.run_git("show", f"{played.truth['deployed_after']}:{path}", cwd=repository(played))
        assert source.splitlines()[int(line) - 1].strip() == quoted


def test_crash_ends_in_the_faulty_function(played: Played) -> None:
    """The innermost frame is the function in truth.json, two calls below the handler."""
    crash = next(text for _, text in played.lines if "ZeroDivisionError" in text)
    frames = re.findall(r'File "/app/(\S+)", line \d+, in (\w+)', crash)

    assert frames[-1] == (played.truth["file"], played.truth["function"])
    assert frames[-3][0] == "checkout/app.py"


def test_no_error_before_the_deploy(played: Played) -> None:
    """The old version answers the same kinds of requests without a crash."""
    deployed_at = NOW - timedelta(seconds=150, minutes=6)
    errors = [ns for ns, text in played.lines if " ERROR " in text]

    assert min(errors) >= deployed_at.timestamp() * 1e9


def test_harmless_trace_runs_before_and_after_the_deploy(played: Played) -> None:
    """A flaky dependency logs warnings with a trace at the same rate in both versions."""
    deployed_ns = (NOW - timedelta(seconds=150, minutes=6)).timestamp() * 1e9
    flaky = [ns for ns, text in played.lines if "RecommenderTimeout" in text]

    assert sum(ns < deployed_ns for ns in flaky) >= 5
    assert sum(ns >= deployed_ns for ns in flaky) >= 2


def test_line_and_timestamp_agree_and_are_within_the_window(played: Played) -> None:
    """The time in the text and Loki's nanoseconds differ by less than 5 ms, in the half hour before the build."""
    for ns, text in played.lines:
        written = datetime.strptime(text[:23], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=UTC)

        assert abs(ns / 1e9 - written.timestamp()) < 0.005
        assert NOW - timedelta(minutes=30) <= written <= NOW


def test_logs_have_the_form_of_loki(played: Played) -> None:
    """Streams have labels, values are newest first, and every pod of both versions has a stream."""
    body = json.loads(played.built.logs.read_text())
    streams = body["data"]["result"]

    assert (body["status"], body["data"]["resultType"]) == ("success", "streams")
    assert {stream["stream"]["service_name"] for stream in streams} == {"checkout-api"}
    assert len({stream["stream"]["pod"] for stream in streams}) == 6
    for stream in streams:
        stamps = [int(ns) for ns, _ in stream["values"]]
        assert stamps == sorted(stamps, reverse=True)


def test_no_path_of_this_machine_is_logged(played: Played, tmp_path: Path) -> None:
    """Traces show the paths in an image, never the build's own folder."""
    assert not [text for _, text in played.lines if "scenario-" in text]


def test_error_counters_agree_with_the_logs(played: Played) -> None:
    """Metrics come from the same run: each counted 500 is a logged crash."""
    failed = [row["values"] for row in played.series("http_requests_total") if row["metric"]["code"] == "500"]
    last_scrape_s = failed[0][-1][0]
    logged = sum("ZeroDivisionError" in text for ns, text in played.lines if ns <= last_scrape_s * 1e9)

    assert sum(float(values[-1][1]) for values in failed) == pytest.approx(logged, abs=1)


@pytest.mark.parametrize(
    "name", ["http_requests_total", "http_request_duration_seconds_bucket", "process_resident_memory_bytes", "up"]
)
def test_metrics_are_scraped_every_fifteen_seconds(played: Played, name: str) -> None:
    """Each metric exists for all six pods, at the same times, and counters never decrease."""
    rows = played.series(name)

    assert len({row["metric"]["pod"] for row in rows}) == 6
    for row in rows:
        times, values = zip(*((at, float(value)) for at, value in row["values"]), strict=True)
        assert list(times) == list(range(times[0], times[-1] + 1, 15))
        assert "memory" in name or list(values) == sorted(values)


def test_sandboxes_load_the_built_files(played: Played) -> None:
    """The Loki and Prometheus sandboxes load the files unchanged."""
    assert played.built.metrics is not None

    PrometheusSandbox().load_file(played.built.metrics)
    LokiSandbox().load_file(played.built.logs)


def test_alert_has_the_format_of_grafana_and_the_deployed_commit(played: Played) -> None:
    """The body has Grafana's fields, the start time, and the measured error ratio."""
    body = json.loads(played.built.alert.read_text())
    alert = body["alerts"][0]

    assert (body["version"], body["status"]) == ("1", "firing")
    assert alert["labels"]["service_name"] == "checkout-api"
    assert alert["labels"]["severity"] == "critical"
    assert alert["labels"]["commit"] == played.truth["deployed_after"]
    assert alert["startsAt"] == "2026-03-14T09:24:23Z"
    assert 0.02 < alert["values"]["B"] < 0.2
    assert "$" not in played.built.alert.read_text()


def test_alert_and_metrics_do_not_reveal_the_cause(played: Played) -> None:
    """Neither the alert nor the metrics name the bad commit or the faulty function."""
    assert played.built.metrics is not None
    text = played.built.alert.read_text() + played.built.metrics.read_text()

    assert played.truth["bad_commit"][:9] not in text
    assert played.truth["function"] not in text
