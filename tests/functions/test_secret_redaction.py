"""Secrets are redacted where texts enter: from the webhook, the log store and the repository."""

from datetime import timedelta

import pytest

from functions.alert_intake.alert_subject import SERVICE_LABELS
from functions.alert_intake.parse_alerts import Rules, read
from functions.incident_detection.fetch_telemetry import without_secrets as page_without_secrets
from functions.solution_generator.withhold_credential_patch import without_secrets as solution_without_secrets
from shared.contracts import CodeAnalysis, Evidence, FileEdit, Patch, ProblematicFile, Solution, SuspectCommit
from shared.step.redacted import redacted
from shared.telemetry.port import LogLine, LogPage
from tests.builders import NOW
from tests.planted_secrets import PLANTED, Planted

KEY = "sk_live_" + "Qw7Er9Ty2Ui5Op1As8Df"


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.kind)
def test_alert_carries_no_secret_its_sender_put_in(planted: Planted) -> None:
    """Labels, annotations, name and links are published."""
    alert = {
        "labels": {"service": "shop", "alertname": f"Failing {planted.line}", "detail": planted.line},
        "annotations": {"summary": planted.line, "description": "x " * 400 + planted.line},
        "generatorURL": "https://grafana.example/x?api_key=" + KEY,
    }

    (taken,) = read({"alerts": [alert]}, Rules(NOW, "nonce", tuple(SERVICE_LABELS), 900, "grafana")).alerts

    assert planted.secret not in taken.summary + taken.alert_name + "".join(taken.annotations.values())
    assert planted.secret not in "".join(taken.labels.values())
    assert KEY not in taken.model_dump_json()


def test_label_named_like_a_secret_is_redacted_completely() -> None:
    """The value need not look like a secret when its name says that it is one."""
    alert = {"labels": {"service": "shop", "db_password": "abc"}}

    (taken,) = read({"alerts": [alert]}, Rules(NOW, "nonce", tuple(SERVICE_LABELS), 900, "grafana")).alerts

    assert taken.labels["db_password"] == "[cut: password]"


def test_page_keeps_its_lines_and_loses_its_secrets() -> None:
    """Times, order and other words stay; labels are redacted too."""
    line = LogLine(NOW, 1, "plain", {"pod": "shop-1"})
    lines = (line, line._replace(nanoseconds=2, text=f"using {KEY} now", labels={"pod": "shop-1", "note": KEY}))

    page = page_without_secrets(LogPage(lines, "query", is_complete=True))

    assert [each.text for each in page.lines] == ["plain", "using [cut: stripe key] now"]
    assert page.lines[0] == line
    assert page.lines[1].labels == {"pod": "shop-1", "note": "[cut: stripe key]"}


def test_code_evidence_loses_its_secrets_and_keeps_its_limits() -> None:
    """A short secret grows when it is redacted, and a contract has limits."""
    text = ("a@b.co " * 300)[:2000]
    analysis = CodeAnalysis(
        code_available=True,
        analysis_summary=f"the key is {KEY}",
        problematic_files=[
            ProblematicFile(path="a.py", line_start=1, line_end=1, code_snippet=f"KEY = '{KEY}'", issue_description=KEY)
        ],
        suspect_commits=[SuspectCommit(sha="abcdef1", at=NOW - timedelta(1), subject=f"Use {KEY}", score=0.5, why=KEY)],
        evidence=[Evidence(id="C1", source="code", text=text), Evidence(id="C2", source="commits", text=f"+{KEY}")],
    )

    clean = redacted(analysis)

    assert KEY not in clean.model_dump_json()
    assert "a@b.co" not in clean.model_dump_json()
    assert CodeAnalysis.model_validate_json(clean.model_dump_json()) == clean


def _solution(new: str) -> Solution:
    edit = FileEdit(path="config.py", original="X = 1", new=new)
    return Solution(incident_category="code_issue", patch=Patch(strategy="fix", files_to_modify=[edit]))


def test_patch_with_a_credential_is_withheld_and_says_why() -> None:
    """Redacting would change its bytes; keeping it would carry the credential through trace and brief."""
    solution = solution_without_secrets(_solution(f"X = '{KEY}'"))

    assert not solution.has_patch
    assert "config.py" in (solution.patch_withheld or "")
    assert KEY not in solution.model_dump_json()


def test_patch_without_a_credential_keeps_every_byte() -> None:
    """An author's mail address is not a credential."""
    solution = _solution("X = 2  # asked for by ada@example.com\r\n")

    assert solution_without_secrets(solution) == solution
