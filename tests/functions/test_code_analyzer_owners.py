"""Who can be asked about the code at fault."""

from pathlib import Path

import pytest

from functions.code_analyzer.owners import owners_of
from functions.post_process.brief.render import render
from functions.post_process.brief.view import Usage
from shared.contracts import CodeAnalysis
from shared.errors import Unavailable
from tests.fakes_code_host import GitReader, Repository
from tests.functions import post_process_requests as requests


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository of one file."""
    repository = Repository(tmp_path / "repository")
    repository.commit({"billing/tax.py": "tax = 1\n"}, "Start")
    return repository


def owners(repository: Repository, **changes) -> str:
    """Return the owners of the place that the analysis names, at the newest commit."""
    reader = GitReader(repository.folder, "main")
    analysis = requests.code_analysis(commit=reader.resolve("main"), **changes)
    return owners_of(analysis, reader)


def test_owner_of_the_failing_file_is_named_by_the_file_of_owners(repository: Repository) -> None:
    """Not the owner of other files."""
    repository.commit({".github/CODEOWNERS": "* @fallback\n/billing/ @octo/payments @ada\n"}, "Name owners")

    assert owners(repository) == "Owned by octo/payments, ada (CODEOWNERS)."


def test_last_author_is_named_where_no_owner_is(repository: Repository) -> None:
    """Also where a file of owners has nobody for it."""
    repository.commit({"CODEOWNERS": "/docs/ @writers\n"}, "Name owners")

    assert owners(repository).startswith("Last changed by ")


def test_file_of_the_suspect_commit_counts_where_no_place_is_known(repository: Repository) -> None:
    """Without either nobody is named."""
    repository.commit({"CODEOWNERS": "* @fallback\n"}, "Name owners")

    assert owners(repository, problematic_files=[]) == "Owned by fallback (CODEOWNERS)."
    assert owners(repository, problematic_files=[], suspect_commits=[]) == ""


def test_host_that_fails_costs_no_analysis(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns it is then not known."""

    def read(self: GitReader, path: str, ref: str) -> str:
        raise Unavailable("GitHub is away")

    monkeypatch.setattr(GitReader, "read", read)

    assert owners(repository) == ""


def test_owners_stand_in_the_head_of_the_brief() -> None:
    """Whoever reads it may not know the service."""
    analysis: CodeAnalysis = requests.code_analysis(owners="Owned by octo/payments (CODEOWNERS).")

    text = render(requests.full(code_analysis=analysis), [], Usage()).text

    assert text.index("Owned by octo/payments (CODEOWNERS).") < text.index("MOST LIKELY CAUSE")
