"""Versions by the code host: what was deployed and released near the onset, and which commits that brought."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from shared.analysis.code import deployed
from shared.analysis.code.analyze import analyze
from shared.code_host.port import Comparison, Deployment, Release
from shared.contracts import Change, Incident
from shared.errors import Refused, Throttled, Unavailable
from tests.builders import NOW, an_alert, an_incident
from tests.fakes_code_host import GitReader, Repository

ONSET = NOW - timedelta(minutes=5)


class Shop:
    """A repository with five commits: the first is tagged v2.14.1, the fourth v2.15.0."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder, NOW - timedelta(days=2))
        self.shas = [self.repository.commit({"a.py": f"A = {number}\n"}, f"Step {number}") for number in range(5)]
        self.repository.git("tag", "v2.14.1", self.shas[0])
        self.repository.git("tag", "v2.15.0", self.shas[3])

    def reader(self, deployments: Sequence[Deployment] = (), releases: Sequence[Release] = ()) -> GitReader:
        """Return a reader of it."""
        return GitReader(self.repository.folder, "main", deployed=deployments, released=releases)

    def deployment(self, ref: str, minutes_ago: float, **fields: object) -> Deployment:
        """Return a deployment that succeeded a minute after it was asked for."""
        at = NOW - timedelta(minutes=minutes_ago)
        sha = self.repository.git("rev-parse", f"{ref}^{{commit}}").strip()
        done = Deployment(ref, sha, "production", at, "ada", "https://github.com/d", succeeded_at=at + MINUTE)
        return replace(done, **fields)  # type: ignore[arg-type]  # each test gives fields of a deployment


MINUTE = timedelta(minutes=1)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "shop")


def rollout(before: str, after: str, share: float | None = 1.0) -> Incident:
    """Return an incident whose telemetry shows one version after the other."""
    change = Change(
        kind="rollout",
        at=ONSET - MINUTE,
        what="3 instances began.",
        version_before=before,
        version_after=after,
        error_share=share,
    )
    return an_incident(onset=ONSET, what_changed=[change])


def history(incident: Incident, reader: GitReader, **labels: str) -> deployed.VersionHistory:
    """Return what is read."""
    return deployed.read(an_alert(labels=labels), incident, reader, ONSET)


def test_commits_between_the_versions_that_telemetry_saw_are_named(shop: Shop) -> None:
    """By the tags of the versions."""
    read = history(rollout("2.14.1", "2.15.0"), shop.reader())

    (change,) = read.changes
    newest = shop.shas[3][:7]
    assert change.what.startswith(f"3 commits between 2.14.1 and 2.15.0: {newest} 'Step 3', ")
    assert change.link.endswith(f"/compare/{shop.shas[0]}...{shop.shas[3]}")
    assert read.commits is not None
    assert read.commits.newest_first == (shop.shas[3], shop.shas[2], shop.shas[1])
    assert read.hints == ()


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("2.15.0", "2.14.1", "2.14.1 is older than 2.15.0: it lacks 3 commits of it."),
        ("2.15.0", "v2.15.0", "2.15.0 and v2.15.0 are the same commit: the code did not change."),
    ],
)
def test_version_without_new_commits_is_said_to_be_so(shop: Shop, before: str, after: str, what: str) -> None:
    """A rollback, and a rebuild with other settings, bring no commit."""
    read = history(rollout(before, after), shop.reader())

    assert [change.what for change in read.changes] == [what]
    assert read.commits is None


def test_version_is_resolved_by_a_release_or_deployment_that_ends_with_it(shop: Shop) -> None:
    """Tags of a repository with several services hold the service's name."""
    shop.repository.git("tag", "checkout@7.1", shop.shas[1])
    released = Release("checkout@7.1", "", NOW - timedelta(days=1), "", "")
    last = shop.deployment(shop.shas[2], 9)
    by_tag = replace(last, ref="refs/tags/checkout-7.2")

    read = history(rollout("7.1", "7.2"), shop.reader([by_tag], [released]))

    assert read.commits is not None
    assert read.commits.newest_first == (shop.shas[2],)


def test_unknown_versions_bring_nothing(shop: Shop) -> None:
    """No commit is made up."""
    read = history(rollout("1", "2"), shop.reader())

    assert (read.changes, read.commits, read.hints) == ((), None, ())


def test_deployment_names_both_versions_where_no_label_does(shop: Shop) -> None:
    """With who asked for it, where, and what it replaced."""
    deployments = [shop.deployment("v2.15.0", 8), shop.deployment("v2.14.1", 9000)]
    read = history(an_incident(onset=ONSET), shop.reader(deployments))

    first, second = sorted(read.changes, key=lambda change: "commits" in change.what)
    assert first.what == (
        f"v2.15.0 was deployed to production by ada, done at 02:53:00 UTC, "
        f"in place of v2.14.1 of {deployments[1].live_at:%d %b %H:%M} UTC."
    )
    assert (first.version_before, first.version_after, first.at) == ("v2.14.1", "v2.15.0", NOW - 8 * MINUTE)
    assert second.what.startswith("3 commits between v2.14.1 and v2.15.0: ")


def test_deployment_of_a_branch_is_named_with_its_commit(shop: Shop) -> None:
    """The branch alone names every deployment of it."""
    deployments = [shop.deployment("main", 8), shop.deployment("main", 9000, sha=shop.shas[1])]
    read = history(an_incident(onset=ONSET), shop.reader(deployments))

    named = next(change for change in read.changes if change.version_after)
    assert (named.version_before, named.version_after) == (
        f"main at {shop.shas[1][:12]}",
        f"main at {shop.shas[4][:12]}",
    )


def test_deployment_after_the_onset_brought_nothing(shop: Shop) -> None:
    """It may be the fix; it is shown, and its commits are no suspects."""
    deployments = [shop.deployment("v2.15.0", 2), shop.deployment("v2.14.1", 9000)]
    read = history(an_incident(onset=ONSET), shop.reader(deployments))

    assert len(read.changes) == 1
    assert read.commits is None


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"state": "failure", "succeeded_at": None}, "The deployment of v2.15.0 to production by ada failed."),
        (
            {"state": "in_progress", "succeeded_at": None},
            "A deployment of v2.15.0 to production was asked for by ada, which is in progress.",
        ),
    ],
)
def test_deployment_that_did_not_succeed_is_shown_as_such(shop: Shop, fields: dict[str, object], what: str) -> None:
    """And names no version that runs."""
    deployments = [shop.deployment("v2.15.0", 8, **fields), shop.deployment("v2.14.1", 9000)]
    (change,) = history(an_incident(onset=ONSET), shop.reader(deployments)).changes

    assert (change.what, change.version_after) == (what, "")


def test_environment_of_the_alert_goes_before_production(shop: Shop) -> None:
    """What went to another environment did not break this one."""
    deployments = [
        shop.deployment("v2.15.0", 8, environment="preview"),
        shop.deployment("v2.15.0", 9, environment="eu", is_production=True),
        shop.deployment("v2.15.0", 10, environment="us", is_production=True),
    ]

    in_us = history(an_incident(onset=ONSET), shop.reader(deployments), region="us").changes
    unnamed = history(an_incident(onset=ONSET), shop.reader(deployments)).changes

    assert ["to us" in change.what for change in in_us] == [True]
    assert ["preview" in change.what for change in unnamed] == [False, False]


def test_release_is_shown_once(shop: Shop) -> None:
    """Not again where its deployment is; one of long ago not at all."""
    releases = [
        Release("v2.15.0", "Faster baskets", NOW - 9 * MINUTE, "ada", ""),
        Release("v2.14.1", "", NOW - timedelta(days=9), "", ""),
    ]

    alone = history(an_incident(onset=ONSET), shop.reader((), releases)).changes
    deployed_too = history(an_incident(onset=ONSET), shop.reader([shop.deployment("v2.15.0", 8)], releases)).changes

    assert [change.what for change in alone] == ["Release v2.15.0 (Faster baskets) was published by ada."]
    assert [change.what.split()[0] for change in deployed_too] == ["v2.15.0"]


def test_commits_that_ran_before_are_hardly_suspect(shop: Shop) -> None:
    """The newest commit of the branch was not deployed, the oldest ran for days."""
    analysis = analyze(an_alert(), rollout("2.14.1", "2.15.0"), shop.reader(), "main")

    assert analysis.commit == shop.shas[3]
    assert [one.sha for one in analysis.suspect_commits] == [shop.shas[3], shop.shas[2], shop.shas[1]]
    assert all("it is new in 2.15.0" in one.why for one in analysis.suspect_commits)
    (change,) = analysis.what_changed
    assert change.evidence_id in {piece.id for piece in analysis.evidence if piece.text == change.what}


@pytest.mark.parametrize(
    ("error", "is_asked_on"), [(Refused("403"), True), (Unavailable("slow"), False), (Throttled("limit"), False)]
)
def test_failure_of_the_code_host_becomes_a_hint(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, error: Exception, is_asked_on: bool
) -> None:
    """Each refusal is its own; a host that does not answer is asked no more."""
    reader = shop.reader()

    def fail(*_: datetime) -> Sequence[Deployment]:
        raise error

    monkeypatch.setattr(reader, "deployments", fail)
    read = history(rollout("2.14.1", "2.15.0"), reader)

    (hint,) = read.hints
    assert hint.startswith(f"The deployments of acme/shop were not read: {error}.")
    assert ("GITHUB_TOKEN needs the permission to read deployments" in hint) is isinstance(error, Refused)
    assert (len(read.changes) == 1) is is_asked_on


@pytest.mark.parametrize("name", ["releases", "compare", "resolve"])
def test_any_failure_leaves_the_rest(shop: Shop, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The step goes on without."""
    reader = shop.reader([shop.deployment("v2.15.0", 8)])
    broken: Callable[..., Comparison] = lambda *_: (_ for _ in ()).throw(Refused("no"))  # noqa: E731

    monkeypatch.setattr(reader, name, broken)
    read = history(rollout("2.14.1", "2.15.0"), reader)

    assert len(read.hints) == 1
    assert any("was deployed" in change.what for change in read.changes)
