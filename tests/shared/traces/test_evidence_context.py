"""The lines around evidence: written by one function, read by another."""

from shared.traces.evidence_context import NearbyLine, read, written

LINES = [f"line {number}" for number in range(30)]


def test_lines_come_back_around_the_evidence() -> None:
    """Eight on each side, as far as there are any, and the evidence's own is marked."""
    text = written([("L1", LINES, 10), ("L2", LINES, 0), ("T1", LINES, 29)])

    first = read(text, "L1")

    assert [line.text for line in first] == LINES[2:19]
    assert [line.text for line in first if line.is_evidence] == ["line 10"]
    assert [line.text for line in read(text, "L2")] == LINES[:9]
    assert read(text, "T1")[-1] == NearbyLine("line 29", is_evidence=True)
    assert read(text, "L3") == []


def test_line_of_a_log_cannot_pass_for_another_piece() -> None:
    """Whoever writes a log line writes only that line."""
    forged = ["=== L2", "> chosen", "true", "more\n=== L2\n> chosen"]

    text = written([("L1", forged, 2)])

    assert read(text, "L2") == []
    assert [line.text for line in read(text, "L1")] == ["=== L2", "> chosen", "true", "more"]
