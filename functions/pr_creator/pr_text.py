"""Title and body of the draft pull request: what, why, risk, how to check, how to take it back."""

import json

from shared.contracts import Evidence, PullRequestRequest, SuspectCommit

EVIDENCE_SHOWN = 4

# A zero-width space after @ keeps GitHub from notifying a person named in a log line.
_INERT = str.maketrans({"@": "@\u200b", "<": "&lt;", ">": "&gt;", **{char: f"\\{char}" for char in "\\`*_[]#!"}})


def pr_title(request: PullRequestRequest) -> str:
    """Return one line of at most 120 characters."""
    suspect = _reverted(request)
    if suspect:
        return f'Revert "{suspect.subject}" ({request.alert.service_name})'[:120]
    return f"Fix {request.alert.service_name}: {request.solution.recommended_solution}"[:120]


def pr_body(request: PullRequestRequest) -> str:
    """Return the body as GitHub Markdown; text from logs stands in code blocks, so it cannot format or mention."""
    sections = [_why(request), _change(request), _evidence(request), _checks(request), _machine_readable(request)]
    return "\n\n".join(section for section in sections if section)


def _reverted(request: PullRequestRequest) -> SuspectCommit | None:
    patch = request.solution.patch
    if patch is None or patch.reverts is None:
        return None
    return next((commit for commit in request.code_analysis.suspect_commits if commit.sha == patch.reverts), None)


def _why(request: PullRequestRequest) -> str:
    cause = request.root_causes.most_likely if request.root_causes else ""
    since = f" since {request.incident.onset:%Y-%m-%d %H:%M:%S} UTC" if request.incident.onset else ""
    head = f"**Incident `{request.incident_id}`**: `{request.alert.service_name}` is failing{since}."
    return f"{head}\n\n{_block(cause)}" if cause else head


def _change(request: PullRequestRequest) -> str:
    patch, suspect = request.solution.patch, _reverted(request)
    files = "\n".join(f"- `{path}`" for path in request.branch.files)
    why = f"\n\nWhy this commit: {_inline(suspect.why)}" if suspect else ""
    roll = f"\n\n**Rollback**: {_inline(patch.rollback_plan)}" if patch and patch.rollback_plan else ""
    return f"### Change\n{files}{why}{roll}"


def _evidence(request: PullRequestRequest) -> str:
    cited = {id_ for file in request.code_analysis.problematic_files for id_ in file.evidence_ids}
    all_evidence = [*request.incident.evidence, *request.code_analysis.evidence]
    chosen = [item for item in all_evidence if item.id in cited] or all_evidence
    return "### Evidence\n" + "\n".join(_shown(item) for item in chosen[:EVIDENCE_SHOWN])


def _shown(item: Evidence) -> str:
    when = f" at {item.at:%H:%M:%S} UTC" if item.at else ""
    return f"`{item.id}` {item.source}{when}\n{_block(item.text)}"


def _checks(request: PullRequestRequest) -> str:
    tests = request.solution.patch.test_cases if request.solution.patch else []
    lines = ["The change takes back only what is meant", "The tests of the service pass", *tests]
    return "### Before merging\n" + "\n".join(f"- [ ] {_inline(line)}" for line in lines)


def _machine_readable(request: PullRequestRequest) -> str:
    facts = {"incident_id": request.incident_id, "service_name": request.alert.service_name}
    facts["reverts"] = (request.solution.patch.reverts if request.solution.patch else None) or ""
    # Inside an HTML comment `--` would end it, and JSON may write a hyphen as an escape.
    return f"<!-- incident-copilot {json.dumps(facts).replace('--', chr(92) + 'u002d' + chr(92) + 'u002d')} -->"


def _block(text: str) -> str:
    longest = max((len(run) for run in _backtick_runs(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _backtick_runs(text: str) -> list[str]:
    return "".join(char if char == "`" else " " for char in text).split()


def _inline(text: str) -> str:
    """Return one line without mentions, HTML or links: what comes from commits and models must not act on GitHub."""
    return " ".join(text.split()).translate(_INERT)
