"""Detection keeps the lines around its evidence: the rest of what it read is gone with the run."""

from datetime import timedelta

from functions.incident_detection.keep_nearby_lines import keep_nearby_lines
from shared.contracts import Evidence
from shared.step.recorder import recording
from shared.telemetry.port import LogLine
from shared.traces import evidence_context
from tests.builders import NOW

LINES = [LogLine(NOW + timedelta(seconds=n), n, "ERROR failed" if n % 50 == 7 else f"INFO {n}") for n in range(5_000)]


def kept_text(*evidence: Evidence) -> str:
    """Return the whole text that is kept for these; an empty one where nothing is."""
    with recording() as done:
        keep_nearby_lines(LINES, evidence)
    return "".join(one.whole_result for one in done.calls)


def test_of_lines_alike_the_one_at_the_evidences_time_is_kept() -> None:
    """Eight lines on each side of it, out of thousands."""
    at = NOW + timedelta(seconds=2_057)

    text = kept_text(Evidence(id="L1", source="logs", text="ERROR failed\nTraceback", at=at))

    lines = evidence_context.read(text, "L1")
    assert [line.text for line in lines if line.is_evidence] == ["ERROR failed"]
    assert (lines[0].text, lines[-1].text) == ("INFO 2049", "INFO 2065")


def test_evidence_that_is_no_line_of_the_log_keeps_nothing() -> None:
    """Metrics, code, and lines of another service."""
    metric = Evidence(id="M1", source="metrics", text="INFO 3", at=NOW)
    other = Evidence(id="L2", source="logs", text="of another service", at=NOW)

    assert kept_text(metric, other) == ""
    assert "INFO 3" in kept_text(Evidence(id="L3", source="logs", text="INFO 3"))
