"""Builders of requests to post_process: full, degraded, dismissed, silent, huge and hostile incidents."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts import (
    Alert,
    Branch,
    CodeAnalysis,
    Command,
    ErrorSummary,
    Evidence,
    Failure,
    FileEdit,
    Frame,
    Incident,
    LogPattern,
    MetricAnomaly,
    Mitigation,
    Patch,
    PostProcessRequest,
    ProblematicFile,
    PullRequest,
    Quote,
    RootCause,
    RootCauses,
    Solution,
    StackTrace,
    Suggestion,
    Suggestions,
    SuspectCommit,
    Unknown,
)

END = datetime(2026, 3, 14, 2, 55, 30, tzinfo=UTC)
START = END - timedelta(minutes=15)
ONSET = START + timedelta(minutes=4, seconds=12)
INCIDENT_ID = "inc-20260314-billing-7f3a"


def alert(**changes: Any) -> Alert:
    """An alert of a billing service."""
    fields: dict[str, Any] = {
        "incident_id": INCIDENT_ID,
        "service_name": "billing-worker",
        "start": START,
        "end": END,
        "received_at": END,
        "started_at": ONSET + timedelta(minutes=2),
        "alert_name": "BillingErrorRateHigh",
        "summary": "More than 5 % of invoices fail",
        "annotations": {"runbook_url": "https://wiki.example.com/runbooks/billing"},
        "generator_url": "https://grafana.example.com/alerting/grafana/b1/view",
        "silence_url": "https://grafana.example.com/alerting/silence/new?matcher=service%3Dbilling-worker",
        "dashboard_url": "https://grafana.example.com/d/billing",
    }
    return Alert(**{**fields, **changes})


def incident(**changes: Any) -> Incident:
    """An incident with evidence from logs, a stack trace and a metric."""
    fields: dict[str, Any] = {
        "produced_by": "gemini:gemini-3.8-flash-002",
        "incident_detected": True,
        "recommendation": "proceed",
        "severity": "high",
        "incident_type_hint": "code_issue",
        "affected_services": ["billing-worker"],
        "initial_symptoms": ["One invoice in four fails with a TypeError since the tax rounding change"],
        "reasoning": "412 errors of one shape begin at the onset [L1]; none before.",
        "start": START,
        "end": END,
        "onset": ONSET,
        "error_summary": ErrorSummary(
            total_errors=447,
            total_warnings=39,
            error_types={"TypeError": 412, "LedgerTimeout": 35},
            peak_error_time=ONSET + timedelta(minutes=6),
            errors_over_time=[1, 2, 1, 0] * 5 + [8, 14, 21, 9] * 10,
            metric_anomalies=[
                MetricAnomaly(
                    metric="invoice_failure_ratio",
                    description="invoice_failure_ratio rose from 0.2 % to 26 %",
                    at=ONSET,
                    baseline=0.002,
                    value=0.26,
                    evidence_id="M1",
                )
            ],
        ),
        "patterns": [pattern(), pattern(template="ledger call took <*> ms, giving up", count=35, before=6)],
        "stack_traces": [stack_trace()],
        "evidence": [
            Evidence(
                id="L1",
                source="logs",
                query='{service="billing-worker"} |= "error"',
                at=ONSET,
                text="invoice 88213 failed: unsupported operand type(s) for *: 'NoneType' and 'Decimal'",
                link="https://grafana.example.com/explore?left=logs",
            ),
            Evidence(
                id="C1", source="code", text="tax = rate * net", link="https://git.example.com/b/blob/4c1d/tax.py#L41"
            ),
        ],
        "log_query_used": '{service="billing-worker"}',
        "lines_read": 18_204,
    }
    return Incident(**{**fields, **changes})


def pattern(
    template: str = "invoice <*> failed: unsupported operand type(s)", count: int = 412, before: int = 0
) -> LogPattern:
    """A log pattern of errors that lasts to the end of the window."""
    return LogPattern(
        template=template,
        level="error",
        count=count,
        count_before_onset=before,
        first_seen=START if before else ONSET,
        last_seen=END,
        exemplar=template,
        evidence_id="L1",
    )


def stack_trace() -> StackTrace:
    """A Python stack trace with one frame of the service's own."""
    return StackTrace(
        language="python",
        exception_type="TypeError",
        message="unsupported operand type(s) for *: 'NoneType' and 'Decimal'",
        frames=[
            Frame(path="/srv/lib/worker.py", line=88, function="run"),
            Frame(path="billing/tax.py", line=41, function="tax_of", code="tax = rate * net", in_app=True),
        ],
        count=412,
        first_seen=ONSET,
        last_seen=END,
        evidence_id="L1",
    )


def code_analysis(**changes: Any) -> CodeAnalysis:
    """What the code showed: one place, one commit."""
    fields: dict[str, Any] = {
        "produced_by": "gemini:gemini-3.8-flash-002",
        "code_available": True,
        "repo": "example/billing",
        "commit": "4c1d9e07aa",
        "base_branch": "main",
        "problematic_files": [
            ProblematicFile(
                path="billing/tax.py",
                function_name="tax_of",
                line_start=38,
                line_end=42,
                code_snippet="def tax_of(net, country):\n    rate = RATES.get(country)\n    # per line\n"
                "    tax = rate * net\n    return tax.quantize(CENT)",
                issue_description="`rate` is `None` for countries missing in `RATES`; the guard was removed.",
                evidence_ids=["L1", "C1"],
            )
        ],
        "suspect_commits": [
            SuspectCommit(
                sha="4c1d9e07aa31",
                author="R. Okafor",
                at=ONSET - timedelta(minutes=21),
                subject="Round tax per line",
                files=["billing/tax.py"],
                score=0.87,
                why="Touches the failing line 21 minutes before the onset and removes the guard for unknown countries.",
                url="https://git.example.com/billing/commit/4c1d9e07aa31",
            )
        ],
    }
    return CodeAnalysis(**{**fields, **changes})


def root_causes(**changes: Any) -> RootCauses:
    """Two hypotheses and one unknown."""
    fields: dict[str, Any] = {
        "produced_by": "gemini:gemini-3.5-flash-lite",
        "root_causes": [
            RootCause(
                hypothesis="Commit `4c1d9e07aa` removed the guard for unknown countries, so `rate` is `None`.",
                confidence=0.86,
                evidence_ids=["L1", "C1"],
                quotes=[
                    Quote(evidence_id="L1", text="unsupported operand type(s) for *: 'NoneType' and 'Decimal'"),
                    Quote(evidence_id="C1", text="tax = rate * net"),
                ],
            ),
            RootCause(hypothesis="The ledger is slow and exhausts the workers.", confidence=0.2, evidence_ids=["L1"]),
        ],
        "most_likely": "A removed guard.",
        "unknowns": [
            Unknown(
                what="Which countries are affected beyond those in the log lines.",
                next_query='sum by (country) (count_over_time({service="billing-worker"} |= "failed" [15m]))',
            )
        ],
    }
    return RootCauses(**{**fields, **changes})


def suggestions(**changes: Any) -> Suggestions:
    """A rollback and a configuration change."""
    fields: dict[str, Any] = {
        "produced_by": "gemini:gemini-3.5-flash-lite",
        "suggestions": [
            Suggestion(
                advice_id="restore_configuration",
                type="config",
                description="Pause the invoice queue for countries without a rate",
                steps=["Set `INVOICE_PAUSE_UNKNOWN=true`", "Watch the queue length"],
                priority="medium",
            ),
            Suggestion(
                advice_id="roll_back",
                type="rollback",
                description="Roll billing-worker back to the release before 4c1d9e07aa",
                steps=["Watch the failure ratio fall"],
                commands=[
                    Command(what="In Kubernetes", command="kubectl -n billing rollout undo deployment/billing-worker")
                ],
                priority="high",
            ),
        ],
        "recommended_action": "Roll billing-worker back to the release before 4c1d9e07aa.",
    }
    return Suggestions(**{**fields, **changes})


def solution(**changes: Any) -> Solution:
    """A patch that puts the guard back."""
    fields: dict[str, Any] = {
        "produced_by": "gemini:gemini-3.8-flash-002",
        "incident_category": "code_issue",
        "solutions": ["Put the guard back"],
        "mitigations": [
            Mitigation(
                advice_id="check_instances",
                action="Retry the failed invoices after the fix",
                steps=["Replay queue `failed`"],
                priority="low",
            )
        ],
        "patch": Patch(
            strategy="fix",
            files_to_modify=[
                FileEdit(
                    path="billing/tax.py",
                    original="    rate = RATES.get(country)\n",
                    new="    rate = RATES.get(country)\n    if rate is None:\n        raise UnknownCountry(country)\n",
                )
            ],
            rollback_plan="Revert the pull request.",
        ),
        "recommended_solution": "Merge the guard.",
    }
    return Solution(**{**fields, **changes})


def branch() -> Branch:
    """The branch with the change."""
    return Branch(status="success", repo="example/billing", branch=f"incident/{INCIDENT_ID}")


def full(**changes: Any) -> PostProcessRequest:
    """Everything worked, up to the pull request."""
    fields: dict[str, Any] = {
        "alert": alert(),
        "incident": incident(),
        "code_analysis": code_analysis(),
        "root_causes": root_causes(),
        "suggestions": suggestions(),
        "solution": solution(),
        "branch": branch(),
        "pull_request": PullRequest(
            status="success", pr_number=412, pr_url="https://github.com/example/billing/pull/412"
        ),
    }
    return PostProcessRequest(**{**fields, **changes})


def degraded() -> PostProcessRequest:
    """The offline analyst answered, the code could not be read, causes were never ranked."""
    return full(
        incident=incident(produced_by="offline", degraded="No model answered: Gemini's quota is spent."),
        code_analysis=None,
        root_causes=None,
        suggestions=suggestions(produced_by="offline"),
        solution=None,
        branch=None,
        pull_request=None,
        failures=[
            Failure(step="code_analyzer", error_type="Refused", message="GitHub answered 404 for 'example/billing'"),
            Failure(step="rca", error_type="BadAnswer", message="The model's answer was truncated twice"),
        ],
    )


def dismissed() -> PostProcessRequest:
    """The evidence shows no harm."""
    calm = incident(
        recommendation="dismiss",
        incident_detected=False,
        severity="low",
        initial_symptoms=["Three timeouts to the ledger, all retried with success"],
        reasoning="Three warnings in 18,204 lines, each followed by a success within one second [L1].",
        error_summary=ErrorSummary(total_warnings=3),
        patterns=[],
        stack_traces=[],
        onset=None,
    )
    return PostProcessRequest(alert=alert(), incident=calm)


def silent() -> PostProcessRequest:
    """Detection itself failed: there is nothing but the alert."""
    failure = Failure(
        step="incident_detection", error_type="Unavailable", message="Loki at 'https://logs' did not answer"
    )
    return PostProcessRequest(alert=alert(), failures=[failure])


def huge() -> PostProcessRequest:
    """Every field at its limit, in characters that grow when they are escaped."""
    words = '<&"' * 330
    steps = [f"kubectl {words}", words] * 5
    return full(
        alert=alert(summary=words * 2, alert_name=words[:300]),
        incident=incident(
            initial_symptoms=[words] * 10,
            reasoning=words * 2,
            patterns=[pattern(template=words[:500]) for _ in range(20)],
            error_summary=ErrorSummary(error_types={f"{number}{words}": number for number in range(30)}),
        ),
        code_analysis=code_analysis(
            problematic_files=[
                ProblematicFile(
                    path=words[:500], line_start=1, line_end=9, code_snippet=words * 3, issue_description=words
                )
            ]
            * 10,
        ),
        root_causes=RootCauses(
            root_causes=[
                RootCause(hypothesis=words, confidence=0.5, quotes=[Quote(evidence_id="L1", text=words[:500])] * 10)
            ]
            * 5,
            unknowns=[Unknown(what=words[:500], next_query=words)] * 10,
        ),
        suggestions=Suggestions(
            suggestions=[
                Suggestion(type="patch", description=f"{number} {words[:900]}", steps=steps, priority="high")
                for number in range(8)
            ],
        ),
        failures=[Failure(step=f"step_{number}", error_type="Refused", message=words * 2) for number in range(50)],
    )


HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> ![pixel](https://evil.example/p.png) "
    "[click](javascript:alert(1)) [bill](https://evil.example/login) <https://evil.example/auto> "
    "<iframe src='https://evil.example'></iframe> {{ 7*7 }} {% include 'x' %} </mj-text></mjml><mj-raw> "
    "&#x202e; \u202etxt.exe "
    "<a href='https://evil.example'>here</a> <style>body{display:none}</style> ]]> <!-- -->\x00\x1b[31m"
)


def hostile() -> PostProcessRequest:
    """Every text a log line or a model could have written is an attack."""
    bad = HOSTILE
    return full(
        alert=alert(
            summary=bad,
            alert_name=bad[:300],
            dashboard_url="javascript:alert(1)",
            generator_url='https://evil.example/"><script>alert(1)</script>',
            silence_url="data:text/html,<script>alert(1)</script>",
            annotations={"runbook_url": "file:///etc/passwd"},
        ),
        incident=incident(
            initial_symptoms=[f"{bad}\r\nBcc: evil@example.com"],
            reasoning=bad,
            evidence=[Evidence(id="L1", source="logs", text=bad, link="javascript:alert(1)")],
            patterns=[pattern(template=bad[:500])],
            error_summary=ErrorSummary(total_errors=1, error_types={bad: 1}),
        ),
        code_analysis=code_analysis(
            problematic_files=[
                ProblematicFile(path=bad[:400], line_start=1, line_end=1, code_snippet=bad, issue_description=bad)
            ],
            suspect_commits=[
                SuspectCommit(
                    sha="abcdef1234",
                    author=bad[:200],
                    at=ONSET,
                    subject=bad[:300],
                    score=0.5,
                    why=bad,
                    url="vbscript:x",
                )
            ],
        ),
        root_causes=root_causes(
            root_causes=[RootCause(hypothesis=bad, confidence=0.9, quotes=[Quote(evidence_id="L1", text=bad[:500])])],
            unknowns=[Unknown(what=bad[:500], next_query=bad)],
        ),
        suggestions=Suggestions(
            suggestions=[Suggestion(type="api", description=bad, steps=[bad, f"curl {bad}"], priority="high")],
            recommended_action=bad,
        ),
        pull_request=PullRequest(status="refused", message=bad, pr_url="javascript:alert(1)"),
        failures=[Failure(step=bad[:100], error_type=bad[:100], message=bad)],
    )
