"""Which repository an alert is about, and that no other is used."""

import pytest

from shared.code_host import reader as code_reader
from shared.code_host import repository_policy
from shared.code_host import writer as code_writer
from shared.errors import Misconfigured, Refused, Rejected
from tests.builders import an_alert


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A default repository, two mapped services, credentials."""
    monkeypatch.setenv("GITHUB_REPO", "octo/default")
    monkeypatch.setenv("GITHUB_BASE_BRANCH", "develop")
    monkeypatch.setenv("SERVICE_REPOS", '{"billing": "octo/billing@release", "cart": "octo/cart"}')
    monkeypatch.setenv("GITHUB_TOKEN", "t")
    return monkeypatch


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("service", "repo", "branch"),
    [("billing", "octo/billing", "release"), ("cart", "octo/cart", "develop"), ("other", "octo/default", "develop")],
)
def test_service_map_overrides_the_default(service: str, repo: str, branch: str) -> None:
    """A mapped service has its own repository and may have its own branch; others share the default."""
    alert = an_alert(service_name=service)

    assert (repository_policy.repository_of(alert), repository_policy.base_branch_of(alert)) == (repo, branch)


@pytest.mark.usefixtures("configured")
def test_alert_overrides_the_map() -> None:
    """An alert may choose any allowed repository and a branch."""
    alert = an_alert(service_name="billing", github_repo="Octo/Cart", github_base_branch="hotfix")

    assert (repository_policy.repository_of(alert), repository_policy.base_branch_of(alert)) == ("Octo/Cart", "hotfix")


@pytest.mark.usefixtures("configured")
def test_branch_of_the_map_is_not_used_for_another_repository() -> None:
    """The map's branch belongs to the map's repository."""
    assert repository_policy.base_branch_of(an_alert(service_name="billing", github_repo="octo/cart")) == "develop"


def test_nothing_configured_means_no_repository() -> None:
    """Both are None, not an error."""
    assert repository_policy.repository_of(an_alert()) is None
    assert repository_policy.base_branch_of(an_alert()) is None


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("repo", ["evil/shop", "octo/private", "octo/default-fork"])
def test_repository_that_is_not_allowed_is_refused(repo: str) -> None:
    """An alert cannot send the token elsewhere: both the choice and the connection refuse it."""
    for choose in (
        lambda: repository_policy.repository_of(an_alert(github_repo=repo)),
        lambda: code_reader.connect(repo),
        lambda: code_writer.connect(repo),
    ):
        with pytest.raises(Refused, match="GITHUB_ALLOWED_REPOS"):
            choose()


def test_allow_list_accepts_whole_owners_and_single_repositories(configured: pytest.MonkeyPatch) -> None:
    """`owner/*` allows an owner; repositories in other settings stay allowed."""
    configured.setenv("GITHUB_ALLOWED_REPOS", '["acme/*", "other/one"]')

    for repo in ("acme/anything", "ACME/Else", "other/one", "octo/billing", "octo/default"):
        assert repository_policy.repository_of(an_alert(github_repo=repo)) == repo
    with pytest.raises(Refused):
        repository_policy.repository_of(an_alert(github_repo="other/two"))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SERVICE_REPOS", '{"checkout-api": "shop"}'),
        ("SERVICE_REPOS", "[]"),
        ("SERVICE_REPOS", "{"),
        ("GITHUB_ALLOWED_REPOS", '["*"]'),
        ("GITHUB_ALLOWED_REPOS", '["*/*"]'),
        ("GITHUB_ALLOWED_REPOS", '["octo/sh*"]'),
        ("GITHUB_REPO", "../shop"),
    ],
)
def test_wrong_setting_is_named(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable to correct."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(Misconfigured, match=variable):
        repository_policy.repository_of(an_alert())


def test_malformed_repository_name_is_rejected() -> None:
    """Only owner/name gets into a URL."""
    with pytest.raises(Rejected, match="owner/name"):
        repository_policy.repository_of(an_alert(github_repo="octo/../x"))
