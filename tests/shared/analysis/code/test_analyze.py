"""Code analysis: from an incident to code locations and commits, over a real repository."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.analysis.code.analyze import analyze
from shared.code_host.port import Commit
from shared.contracts import Alert, CodeAnalysis, Frame, Incident, LogPattern, StackTrace
from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable
from tests.fakes_code_host import START, GitReader, Repository

CART = """from shop.money import rounded


def total(lines):
    return rounded(sum(line.price for line in lines))
"""
MONEY = """def rounded(amount):
    if amount is None:
        raise ValueError("amount is missing")
    return round(amount, 2)
"""
API = """import logging

from shop.cart import total

log = logging.getLogger(__name__)


def checkout(order):
    try:
        return total(order.lines)
    except KeyError:
        log.error("order %s cannot be priced in %s", order.id, order.currency)
        raise
"""
TEST = "from shop.api import checkout\n\n\ndef test_checkout():\n    checkout(None)\n"
ONSET = START + timedelta(days=10)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a small shop with two weeks of history and a culprit the day before the onset."""
    repository = Repository(tmp_path / "repository")
    repository.commit(
        {"shop/cart.py": CART.replace("line.price", "line.cost"), "shop/api.py": API, "tests/test_api.py": TEST},
        "Start",
    )
    repository.commit({"shop/money.py": MONEY}, "Round amounts", at=START + timedelta(days=1))
    repository.commit({"shop/cart.py": CART}, "Rename cost to price", at=ONSET - timedelta(hours=3))
    repository.commit({"README.md": "The shop.\n"}, "Say what it is", at=ONSET - timedelta(hours=1))
    return repository


def frame(path: str, line: int, function: str, code: str = "", *, in_app: bool = True) -> Frame:
    """Return a frame of the service."""
    return Frame(path=path, line=line, function=function, code=code, in_app=in_app)


FRAMES = [
    frame("/usr/lib/python3.11/wsgi.py", 9, "run", in_app=False),
    frame("/app/shop/api.py", 10, "checkout", "return total(order.lines)"),
    frame("/app/shop/cart.py", 5, "<genexpr>", "return rounded(sum(line.price for line in lines))"),
]


def trace(*frames: Frame, message: str = "'Line' object has no attribute 'price'", **fields: Any) -> StackTrace:
    """Return a trace that is new since the onset."""
    values: dict[str, Any] = {"count": 40, "evidence_id": "T1", "exception_type": "AttributeError", **fields}
    return StackTrace(
        language="python", message=message, frames=list(frames), first_seen=ONSET, last_seen=ONSET, **values
    )


def pattern(template: str, **fields: Any) -> LogPattern:
    """Return an error pattern."""
    values: dict[str, Any] = {"level": "error", "count": 9, "evidence_id": "L1", **fields}
    return LogPattern(template=template, first_seen=ONSET, last_seen=ONSET, exemplar=template, **values)


def incident(*traces: StackTrace, patterns: tuple[LogPattern, ...] = (), onset: datetime | None = ONSET) -> Incident:
    """Return an incident with this evidence."""
    return Incident(
        incident_detected=True,
        recommendation="proceed",
        severity="high",
        incident_type_hint="code_issue",
        start=ONSET - timedelta(minutes=15),
        end=ONSET + timedelta(minutes=5),
        onset=onset,
        stack_traces=list(traces),
        patterns=list(patterns),
    )


def analyzed(
    repository: Repository, detection: Incident, commit: str | None = None, branch: str | None = "main"
) -> CodeAnalysis:
    """Analyze the incident against the repository."""
    return analyze(alert(commit), detection, GitReader(repository.folder, "main"), branch)


def alert(commit: str | None = None) -> Alert:
    """Return the incident's alert."""
    return Alert(
        incident_id="inc-000001",
        service_name="shop",
        start=ONSET - timedelta(minutes=15),
        end=ONSET + timedelta(minutes=5),
        received_at=ONSET + timedelta(minutes=5),
        commit=commit,
    )


def test_deepest_own_frame_comes_first_with_its_function(repository: Repository) -> None:
    """The first location is where it fails; the callers follow; the snippet is verbatim."""
    analysis = analyzed(repository, incident(trace(*FRAMES)))

    assert [file.path for file in analysis.problematic_files] == ["shop/cart.py", "shop/api.py"]
    first = analysis.problematic_files[0]
    assert (first.function_name, first.line_start, first.line_end) == ("total", 4, 5)
    assert first.failing_line == 5
    assert first.code_snippet in CART
    assert analysis.suggested_fix_locations == ["shop/cart.py:5", "shop/api.py:10"]


def test_functions_of_one_file_leave_a_place_for_its_callers(repository: Repository) -> None:
    """A file whose functions call each other is one place, however many of them are on the stack."""
    deep = "".join(f"def f{n}(lines):\n    return f{n + 1}(lines)\n\n\n" for n in range(6))
    repository.commit({"shop/deep.py": deep}, at=ONSET - timedelta(hours=2))
    calls = [frame("/app/shop/deep.py", 4 * n + 2, f"f{n}", f"return f{n + 1}(lines)") for n in range(6)]

    analysis = analyzed(repository, incident(trace(FRAMES[1], *calls)))

    assert [file.path for file in analysis.problematic_files[:3]] == ["shop/deep.py", "shop/deep.py", "shop/api.py"]


def test_commit_that_caused_the_fault_is_the_best_suspect(repository: Repository) -> None:
    """The commit that wrote the failing line hours before is first, with the reason."""
    analysis = analyzed(repository, incident(trace(*FRAMES)))

    best = analysis.suspect_commits[0]
    assert best.subject == "Rename cost to price"
    assert best.files[0] == "shop/cart.py"
    assert "wrote the line shop/cart.py:5" in best.why


def test_trace_that_a_user_may_have_sent_accuses_nothing_beside_one_of_the_service(repository: Repository) -> None:
    """It would choose the commit that is reverted; alone it is followed, and leads to no file that may be changed."""
    old = trace(frame("/app/shop/money.py", 3, "rounded"), exception_type="ValueError", evidence_id="T2")
    forged = trace(*FRAMES, is_doubtful=True)

    nearby, alone = analyzed(repository, incident(forged, old)), analyzed(repository, incident(forged))

    assert nearby.suspect_commits[0].subject == "Round amounts"
    assert "Rename cost to price" not in {commit.subject for commit in nearby.suspect_commits}
    assert nearby.located_files == ["shop/money.py"]
    assert "shop/cart.py" in {file.path for file in nearby.problematic_files}
    assert (alone.suspect_commits[0].subject, alone.located_files) == ("Rename cost to price", [])


def test_every_claim_cites_verbatim_evidence(repository: Repository) -> None:
    """Locations cite the trace and an excerpt of the code; suspects are evidence too."""
    analysis = analyzed(repository, incident(trace(*FRAMES)))

    by_id = {evidence.id: evidence for evidence in analysis.evidence}
    assert list(by_id) == [f"C{number}" for number in range(1, len(by_id) + 1)]
    for file in analysis.problematic_files:
        cited = [by_id[each] for each in file.evidence_ids if each.startswith("C")]
        assert "T1" in file.evidence_ids
        assert cited[0].text in file.code_snippet
    assert any(each.source == "commits" and "+    return rounded(" in each.text for each in analysis.evidence)


def test_deployed_commit_is_read_when_the_alert_names_it(repository: Repository) -> None:
    """A tag, a version without its v, and a sha inside an image tag all count."""
    old = repository.git("rev-parse", "main~2").strip()
    repository.git("tag", "v1.4.0", old)

    for name in (old, old[:9], "v1.4.0", "1.4.0", f"main-{old[:10]}-20260101"):
        assert analyzed(repository, incident(trace(*FRAMES)), commit=name).commit == old


def test_newest_commit_before_the_onset_is_read_when_none_is_deployed(repository: Repository) -> None:
    """A commit after the failure began cannot be its cause."""
    before = repository.head()
    repository.commit({"shop/cart.py": "broken\n"}, at=ONSET + timedelta(minutes=1))

    analysis = analyzed(repository, incident(trace(*FRAMES)), commit="no-such-tag")

    assert analysis.commit == before
    assert "when the failure began" in analysis.analysis_summary


def test_default_branch_is_read_when_no_branch_is_named(repository: Repository) -> None:
    """Neither the alert nor the settings have to name a branch."""
    assert analyzed(repository, incident(trace(*FRAMES)), branch=None).base_branch == "main"


def test_line_is_found_by_its_text_when_the_version_differs(repository: Repository) -> None:
    """A trace of a slightly different version still leads to the right line."""
    moved = [frame("/app/shop/cart.py", 2, "total", "return rounded(sum(line.price for line in lines))")]

    assert analyzed(repository, incident(trace(*moved))).suggested_fix_locations[0] == "shop/cart.py:5"


def test_test_code_comes_after_product_code(repository: Repository) -> None:
    """A frame in a test shows where the failure was seen, not where it is."""
    frames = [FRAMES[1], frame("/app/tests/test_api.py", 5, "test_checkout", "checkout(None)")]

    assert [file.path for file in analyzed(repository, incident(trace(*frames))).problematic_files] == [
        "shop/api.py",
        "tests/test_api.py",
    ]


def test_new_trace_comes_before_a_usual_one(repository: Repository) -> None:
    """A trace that began with the incident explains it better than background errors, however frequent."""
    noise = trace(frame("/app/shop/money.py", 3, "rounded"), count=900, count_before_onset=850, evidence_id="T2")

    analysis = analyzed(repository, incident(noise, trace(*FRAMES)))

    assert analysis.problematic_files[0].path == "shop/cart.py"


def test_service_installed_as_a_library_is_found(repository: Repository) -> None:
    """Frames under site-packages count when the repository holds those files and no frame is the service's own."""
    installed = frame("/venv/lib/site-packages/shop/cart.py", 5, "total", in_app=False)

    assert analyzed(repository, incident(trace(installed))).problematic_files[0].path == "shop/cart.py"


def test_module_that_lacks_a_name_comes_first(repository: Repository) -> None:
    """An import or attribute error on a module leaves no frame in that module, and is its fault."""
    named = trace(FRAMES[2], message="module 'shop.money' has no attribute 'rounded'")

    assert analyzed(repository, incident(named)).problematic_files[0].path == "shop/money.py"


def test_other_files_of_the_suspect_are_added_when_frames_give_few(repository: Repository) -> None:
    """The fault is often in another file than the line that fails."""
    changed = CART.replace("line.price", "line.amount")
    repository.commit(
        {"shop/cart.py": changed, "shop/line.py": "class Line:\n    price = 0\n"}, at=ONSET - timedelta(hours=1)
    )

    analysis = analyzed(repository, incident(trace(frame("/app/shop/cart.py", 5, "total"))))

    assert [file.path for file in analysis.problematic_files] == ["shop/cart.py", "shop/line.py"]
    assert "together with" in analysis.problematic_files[1].issue_description


def test_message_leads_to_the_code_that_writes_it(repository: Repository) -> None:
    """Without frames, the code is searched for the constant words of the worst message."""
    analysis = analyzed(repository, incident(patterns=(pattern("ERROR shop.api: order <*> cannot be priced in <*>"),)))

    first = analysis.problematic_files[0]
    assert (first.path, first.function_name) == ("shop/api.py", "checkout")
    assert first.evidence_ids[0] == "L1"
    assert analysis.suggested_fix_locations == ["shop/api.py:12"]


@pytest.mark.parametrize("error", [Refused, Throttled, Unavailable])
def test_refused_search_costs_only_the_places_it_would_lead_to(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, error: type[IncidentCopilotError]
) -> None:
    """The code, its commits and their suspects are read all the same, and the answer says what was not searched."""

    def search(reader: GitReader, text: str, limit: int = 10) -> list[str]:
        raise error("code search needs a token")

    monkeypatch.setattr(GitReader, "search", search)

    analysis = analyzed(repository, incident(patterns=(pattern("ERROR shop.api: order <*> cannot be priced in <*>"),)))

    assert analysis.code_available
    assert analysis.suspect_commits
    assert analysis.degraded == "The code was not searched for the words of log lines: code search needs a token."


@pytest.mark.parametrize(
    "template",
    [
        "WARN o.s.OrderServiceImpl#<*> TraceID: <*> [getOrder][order cannot be priced][OrderId: <*>]",
        "order cannot be priced",
        "2026-01-01 <*> ERROR [main] order cannot be priced, id=<*>",
        '{"level": "error", "message": "order cannot be priced", "id": <*>}',
    ],
)
def test_only_the_words_of_the_message_are_searched_for(repository: Repository, template: str) -> None:
    """Loggers, levels, ids and keys around the message are left out."""
    repository.commit({"shop/log.py": 'warn("order cannot be priced")\n'}, at=ONSET - timedelta(minutes=30))

    analysis = analyzed(repository, incident(patterns=(pattern(template, level="warning"),)))

    assert analysis.suggested_fix_locations == ["shop/log.py:1"]


def test_missing_branch_is_refused_by_name(repository: Repository) -> None:
    """The operator must correct a base branch that does not exist."""
    with pytest.raises(Refused, match="no branch 'trunk'"):
        analyze(alert(), incident(trace(*FRAMES)), Branchless(repository.folder, "main"), "trunk")


def test_analysis_without_a_location_says_so(repository: Repository) -> None:
    """Evidence without a match gives no locations, and recent commits with low scores."""
    analysis = analyzed(repository, incident(patterns=(pattern("<*> <*>"),)))

    assert analysis.code_available
    assert analysis.problematic_files == []
    assert "No stack frame and no log message" in analysis.analysis_summary
    assert all(suspect.score < 0.3 for suspect in analysis.suspect_commits)


def test_ambiguous_file_is_decided_by_its_code(repository: Repository) -> None:
    """Of two files with one name, the one with the frame's code is chosen; without code, neither."""
    repository.commit({"a/util.py": "x = 1\n", "b/util.py": "fail()\n"}, at=ONSET - timedelta(minutes=30))
    with_code = trace(frame("/app/util.py", 1, "f", "fail()"))
    without_code = trace(frame("/app/util.py", 1, "f"))

    assert analyzed(repository, incident(with_code)).problematic_files[0].path == "b/util.py"
    assert analyzed(repository, incident(without_code)).problematic_files == []


def test_number_of_calls_to_the_host_is_limited(repository: Repository) -> None:
    """One incident needs a limited number of calls, and none twice."""
    reader = GitReader(repository.folder, "main")

    analyze(alert(), incident(trace(*FRAMES), patterns=(pattern("order <*> cannot be priced"),)), reader, "main")

    assert len(reader.calls) <= 25
    assert len(set(reader.calls)) == len(reader.calls)


class Branchless(GitReader):
    """A code host that lists nothing for a branch it does not have."""

    def commits(
        self, ref: str, *, path: str | None = None, until: datetime | None = None, limit: int = 20
    ) -> Sequence[Commit]:
        """Return nothing."""
        return []


class Dead(GitReader):
    """A code host that stops answering."""

    def paths(self, ref: str) -> Sequence[str]:
        """Fail like a host that cannot be reached."""
        raise Unavailable("the host did not answer")


def test_unreadable_repository_raises_the_readers_error(repository: Repository) -> None:
    """There is no invented answer when nothing can be read."""
    with pytest.raises(Unavailable):
        analyze(alert(), incident(trace(*FRAMES)), Dead(repository.folder, "main"), "main")
