"""Title and body of the pull request: what, why, evidence, risk, rollback, what to check."""

from shared.analysis import grounds
from shared.contracts import Evidence, PullRequestRequest, SuspectCommit
from shared.pull_request import marker
from shared.text.harmless import unclosing, unreferring

from . import pr_risk

EVIDENCE_SHOWN = 4
BODY_CHARS = 60_000
"""GitHub accepts 65,536."""

_INERT = str.maketrans({"<": "&lt;", ">": "&gt;", **{char: f"\\{char}" for char in "\\`*_[]#!|"}})


def pr_title(request: PullRequestRequest) -> str:
    """Return one line of at most 120 characters."""
    suspect = _reverted(request)
    if suspect:
        return _one_line(f'Revert "{suspect.subject}" ({request.alert.service_name})')
    return _one_line(f"Fix {request.alert.service_name} in {', '.join(request.branch.files)}")


def pr_body(request: PullRequestRequest) -> str:
    """Return the body as GitHub Markdown; text from logs is put in code blocks, so it cannot format or mention."""
    machine = _machine_readable(request)
    sections = [_why(request), _change(request), _evidence(request), _risk(request), _rollback(request)]
    text = "\n\n".join(section for section in [*sections, _checks(request)] if section)
    return f"{text[: BODY_CHARS - len(machine)]}\n\n{machine}"


def _reverted(request: PullRequestRequest) -> SuspectCommit | None:
    sha = request.branch.reverts
    return next((commit for commit in request.code_analysis.suspect_commits if commit.sha == sha), None)


def _why(request: PullRequestRequest) -> str:
    incident, causes = request.incident, request.root_causes
    since = f" since {incident.onset:%Y-%m-%d %H:%M:%S} UTC" if incident.onset else ""
    head = f"**Incident `{request.incident_id}`** ({incident.severity}): "
    head += f"{_code(request.alert.service_name)} is failing{since}."
    if causes is None or not causes.most_likely:
        return head
    best = next((cause for cause in causes.root_causes if cause.hypothesis == causes.most_likely), None)
    sure = f", with {round(best.confidence * 100)} % confidence" if best else ""
    return f"{head} Most likely{sure}:\n\n{_block(causes.most_likely)}"


def _change(request: PullRequestRequest) -> str:
    suspect, base = _reverted(request), request.branch.base_commit
    rows = [f"| {_code(stat.path)} | {stat.lines_added} | {stat.lines_removed} |" for stat in request.branch.stats] or [
        f"| {_code(path)} | | |" for path in request.branch.files
    ]
    table = "\n".join(["| File | Added | Removed |", "| --- | ---: | ---: |", *rows])
    on = f"One commit on {_code(request.branch.base_branch or '')}" + (f" at `{base[:12]}`." if base else ".")
    why = ""
    if suspect:
        link = f"[`{suspect.sha[:12]}`]({suspect.url})" if suspect.url.startswith("https://") else suspect.sha
        why = f"\n\nIt reverts {link} “{_inline(suspect.subject)}” by {_inline(suspect.author)}, "
        why += f"{suspect.at:%Y-%m-%d %H:%M} UTC, because: {_inline(suspect.why)}."
    return f"### Change\n\n{on}\n\n{table}{why}"


def _evidence(request: PullRequestRequest) -> str:
    cited = {id_ for file in request.code_analysis.problematic_files for id_ in file.evidence_ids}
    all_evidence = [*request.incident.evidence, *request.code_analysis.evidence]
    chosen = [item for item in all_evidence if item.id in cited] or all_evidence
    items = [_evidence_item(item) for item in chosen[:EVIDENCE_SHOWN]]
    return "### Evidence\n\n" + "\n\n".join([_rests_on(request), *items]) if items else ""


def _rests_on(request: PullRequestRequest) -> str:
    """Say how many lines the change rests on, and which signals that no user of the service can write."""
    incident = request.incident
    traces = sum(trace.count - trace.count_before_onset for trace in incident.stack_traces[:1])
    lines = f"{traces:,} stack traces" if traces else f"{incident.error_summary.total_errors:,} error lines"
    signals = " ".join(incident.failure_signals[:3])
    also = f" and on what no user of the service can write: {_inline(signals)}" if signals else " alone."
    doubt = grounds.doubt(incident, request.code_analysis)
    warning = f" {_inline(doubt)} Make sure that the failure is real." if doubt else ""
    return f"It rests on {lines}{also}{warning}"


def _evidence_item(item: Evidence) -> str:
    when = f" at {item.at:%H:%M:%S} UTC" if item.at else ""
    where = f" {_code(item.query)}" if item.source == "code" and item.query else ""
    return f"`{item.id}` {item.source}{where}{when}\n{_block(item.text)}"


def _risk(request: PullRequestRequest) -> str:
    lines = [f"- {_inline(reason)}" for reason in pr_risk.reasons(request)]
    return "\n".join([f"### Risk: {pr_risk.level(request)}\n", *lines])


def _rollback(request: PullRequestRequest) -> str:
    patch = request.solution.patch
    return f"### Rollback\n\n{_inline(patch.rollback_plan)}" if patch and patch.rollback_plan else ""


def _checks(request: PullRequestRequest) -> str:
    tests = request.solution.patch.test_cases if request.solution.patch else []
    lines = [
        "The evidence above fits the failure",
        "The diff changes what is meant and nothing else",
        *(tests or ["The checks of this repository pass"]),
        f"After the deployment the errors of {request.alert.service_name} end",
    ]
    return "### Before merging\n\n" + "\n".join(f"- [ ] {_inline(line)}" for line in lines)


def _machine_readable(request: PullRequestRequest) -> str:
    branch = request.branch
    return marker.block(
        request.incident_id,
        {
            "service_name": request.alert.service_name,
            "severity": request.incident.severity,
            "strategy": "revert" if branch.reverts else "fix",
            "reverts": branch.reverts or "",
            "base_branch": branch.base_branch or "",
            "base_commit": branch.base_commit or "",
            "files": branch.files,
            "produced_by": request.solution.produced_by,
        },
    )


def _block(text: str) -> str:
    max_run = max((len(run) for run in _backtick_runs(text)), default=0)
    ticks = "`" * max(3, max_run + 1)
    return f"{ticks}text\n{unclosing(text.rstrip())}\n{ticks}"


def _backtick_runs(text: str) -> list[str]:
    return "".join(char if char == "`" else " " for char in text).split()


def _code(text: str) -> str:
    """Return a name in code style, or escaped where it would end the style, or act in a commit that takes it over."""
    is_plain = bool(text) and "`" not in text and text.isprintable() and unreferring(text) == text
    return f"`{text}`".replace("|", "\\|") if is_plain else _inline(text)


def _inline(text: str) -> str:
    """Return one line without mentions, HTML or links: text of commits and models must not act on GitHub."""
    return unreferring(text).translate(_INERT)


def _one_line(text: str) -> str:
    return unreferring(text)[:120]
