"""The console's pages: what happened and why, from a trace that the whole pipeline wrote."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.incident_console.pages.side_by_side import diff_files
from shared import traces
from shared.traces.port import IncidentRecord, Run, ToolCall
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import NOW, a_record, an_alert
from tests.functions.console_visits import SCRIPT, SECRET, Elements, copied_traces, text_of, visit, worked_on

ID = an_alert().incident_id


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work on one incident, once for all tests of this file; yield the file of its traces."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch, worked_on(folder, patch):
        yield folder / "traces.sqlite3"


@pytest.fixture
def trace_file(played: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the store of the incident that was worked on."""
    monkeypatch.setenv("TRACES_PATH", str(copied_traces(played, tmp_path)))
    monkeypatch.setenv("GRAFANA_URL", "https://grafana.example.com")
    github = re.search(r"http://127\.0\.0\.1:\d+", traces.connect().incident(ID).outcome["pr_url"])  # type: ignore[union-attr,index]
    monkeypatch.setenv("GITHUB_API_URL", github[0] if github else "")


pytestmark = pytest.mark.usefixtures("trace_file")


def page() -> str:
    """The incident's page."""
    return text_of(f"/incidents/{ID}")


def trace() -> dict[str, Any]:
    """The trace as the console hands it out."""
    document: dict[str, Any] = json.loads(text_of(f"/incidents/{ID}/trace.json"))
    return document


def test_list_says_how_an_incident_ended() -> None:
    """Outcome, severity, service, cause, pull request, cost and seconds stand in its row."""
    row = text_of("/incidents")

    assert f'href="/incidents/{ID}"' in row
    assert "full brief" in row
    assert ">critical<" in row or ">high<" in row
    assert "<b>checkout-api</b>" in row
    assert "ZeroDivisionError" in row
    assert "#1</a> open" in row
    assert re.search(r"<dt>Cost</dt><dd>\$0\.\d{4}", row)


def test_page_shows_every_step_with_its_calls_in_time() -> None:
    """A bar, the seconds, the headline; model and tool calls inside."""
    text = page()

    for label in (
        "Detect the incident",
        "Find the cause",
        "Find the code at fault",
        "Work out a fix",
        "Publish the brief",
    ):
        assert f'<span class="label">{label}</span>' in text
    assert "query_loki" in text
    assert "gemini-3.8-flash" in text
    assert len(re.findall(r'<rect class="bar"', text)) >= 8


def test_page_shows_causes_against_the_evidence_they_cite() -> None:
    """Each quote says whether it stands in its evidence word for word, and leads there."""
    text = page()

    assert "ZeroDivisionError" in text
    assert "found word for word" in text
    cited = set(re.findall(r'class="cite" href="#([A-Z]\d+)"', text))
    assert cited
    assert cited <= set(re.findall(r'id="([A-Z]\d+)"', text))


def test_page_shows_the_patch_side_by_side_and_the_suspects_diff() -> None:
    """What the file was on the left, what it becomes on the right."""
    text = page()

    assert "shop/pricing.py" in text
    assert '<span class="right" role="cell">    return total / max(len(parts), 1)</span>' in text
    assert '<span class="left" role="cell">    return total / len(parts)</span>' in text


def test_chart_marks_onset_and_alert() -> None:
    """The counts are handed to the chart with what happened when."""
    (chart,) = [each for each in Elements(page()).of("div") if "data-chart" in each]
    drawn = json.loads(chart["data-chart"] or "")

    assert sum(drawn["counts"]) > 0
    assert {"onset", "alert"} <= {mark["name"] for mark in drawn["marks"]}
    assert len(drawn["times"]) == len(drawn["counts"])


def test_lines_around_evidence_come_from_the_whole_result() -> None:
    """The line is marked among those that the same query returned."""
    evidence = re.findall(r'hx-get="(/incidents/[^"]+/evidence/L\d+)"', page())

    lines = text_of(evidence[0], headers={"HX-Request": "true"})

    assert "logline hit" in lines
    assert lines.count("logline") > 5
    assert "<!doctype" not in lines
    assert "<!doctype" in text_of(evidence[0])


def test_prompt_is_shown_as_it_was_sent() -> None:
    """The conversation of each turn, a part at a time."""
    references = re.findall(r'hx-get="(/incidents/[^"]+/texts/[^"]+RCAAgent-model[^"]+)"', page())

    text = text_of(references[0])

    assert "The evidence" in text or "alert" in text
    assert "&gt;&gt;&gt; gemini-3.5-flash-lite: STOP" in text


def test_long_text_is_shown_in_parts() -> None:
    """Each part says how to go on; what is beyond the end is no part."""
    store = traces.connect()
    reference = store.keep_text(ID, "long", "\n".join(f"line {number}" for number in range(20_000)))
    store.record_run(ID, Run("RCAAgent-long", NOW, NOW, {}, None, model_calls=()))
    path = f"/incidents/{ID}/texts/{reference}"

    assert visit(path).status_code == 404

    call = ToolCall("query_loki", {}, NOW, NOW, "line 0", result_ref=reference)
    store.record_run(ID, Run("RCAAgent-long", NOW, NOW + timedelta(seconds=1), {}, None, tool_calls=(call,)))
    first = text_of(path)
    assert "?start=60000" in first
    assert len(first) < 70_000
    assert "line 19999" in text_of(f"{path}?start=180000")
    assert visit(f"{path}?start=99999999").status_code == 404
    assert visit(f"{path}?start=-5").status_code == 404


def test_text_of_another_incident_is_not_found() -> None:
    """A reference opens only with the incident it belongs to."""
    other = traces.connect().keep_text("inc-other", "prompt", "of another incident")

    assert visit(f"/incidents/{ID}/texts/{other}").status_code == 404


def test_unknown_incident_and_page_are_not_found() -> None:
    """Whatever the id looks like."""
    for path in ("/incidents/inc-absent", "/incidents/%3Cb%3E", "/incidents/../..", "/nope", "/static/main.py"):
        assert visit(path).status_code == 404, path


def test_trace_is_handed_out_in_the_seeds_shape() -> None:
    """As a file; without what lets a program go on in a person's place."""
    store = traces.connect()
    waiting = PullRequestRecord(
        state="awaiting_approval", callback_url="https://wake.example.com/1", approval_signature="signed"
    )
    store.set_pull_request(ID, waiting)

    response = visit(f"/incidents/{ID}/trace.json")

    document = json.loads(response.get_data(as_text=True))
    assert response.headers["Content-Disposition"] == f'attachment; filename="{ID}.json"'
    assert document["invocation_id"] == ID
    assert document["traces"]["RCAAgent"][0]["agent_response"]["root_causes"]
    assert document["pull_request"] == {"state": "awaiting_approval"}


def test_postmortem_holds_timeline_cause_and_evidence() -> None:
    """As Markdown, ready for what only people can write."""
    response = visit(f"/incidents/{ID}/postmortem.md")
    text = response.get_data(as_text=True)

    assert response.mimetype == "text/markdown"
    for heading in ("# checkout-api: ", "## Impact", "## Timeline (UTC)", "## Cause", "## Evidence", "## Actions"):
        assert f"\n{heading}" in f"\n{text}", heading
    assert "ZeroDivisionError" in text
    assert SECRET not in text


def test_markup_of_others_is_inert_on_every_page() -> None:
    """Log lines, labels, names, commits and prompts are text; no page holds an element or an address they wrote."""
    texts = re.findall(rf'href="(/incidents/{ID}/(?:texts|evidence)/[^"?]+)"', page())
    pages = [page(), text_of("/incidents"), *map(text_of, dict.fromkeys(texts))]

    assert len(pages) > 8
    assert any("&lt;script&gt;alert" in each for each in pages)
    for each in pages:
        elements = Elements(each)
        assert "<script>alert" not in each
        assert elements.of("img") == []
        assert {script.get("src", "").partition("?")[0] for script in elements.of("script")} == {  # type: ignore[union-attr]
            "/static/htmx.min.js", "/static/uPlot.iife.min.js", "/static/console.js"
        }  # fmt: skip
        links = [link.get("href") or "" for link in elements.of("a")]
        assert not [link for link in links if "javascript" in link or "evil" in link]
        assert not [name for _, attributes in elements.elements for name in attributes if name.startswith("on")]
        assert not [attributes for _, attributes in elements.elements if "style" in attributes]
        assert "\u202e" not in each


def test_markup_is_inert_in_the_postmortem() -> None:
    """It opens in many programs."""
    text = text_of(f"/incidents/{ID}/postmortem.md")
    outside = re.sub(r"(?ms)^(`{3,})$.*?^\1$", "", text)

    assert SCRIPT not in outside
    assert not re.search(r"(?<!\\)<(script|img)", outside)


def test_only_own_systems_are_linked() -> None:
    """Grafana's dashboard is, what only looks like a link of the alert is not."""
    links = [link.get("href") for link in Elements(page()).of("a")]

    assert "https://grafana.example.com/d/shop" in links
    assert "https://evil.example/silence" not in links


def test_no_secret_is_on_any_page() -> None:
    """Also where the store holds one that an earlier release let through."""
    store = traces.connect()
    entry = {"evidence": [{"id": "L1", "source": "logs", "text": f"key={SECRET}"}]}
    raw = Run("OtherAgent", NOW, NOW, {"note": SECRET}, entry)
    store.record_run(ID, raw)

    for path in ("", "/trace.json", "/postmortem.md", "/live"):
        assert SECRET not in text_of(f"/incidents/{ID}{path}"), path


def test_every_response_carries_the_policy() -> None:
    """Pages, errors and files alike: nothing but our own files runs or is loaded, and nobody frames a page."""
    paths = ["/incidents", f"/incidents/{ID}", f"/incidents/{ID}/trace.json", "/nope", "/static/console.css", "/login"]
    for path in paths:
        headers = visit(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
        ), path
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store" or path.startswith("/static/")


def test_reader_changes_nothing() -> None:
    """Forms, and methods that write, have no page."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert visit(f"/incidents/{ID}", method=method).status_code == 404


def test_running_incident_renews_itself_and_says_what_is_to_come() -> None:
    """Nothing is sent while nothing changed, and the last renewal ends the asking."""
    store = traces.connect()
    alert = an_alert(incident_id="inc-20260504-running000")
    store.open_incident(a_record(alert))
    path = f"/incidents/{alert.incident_id}"

    opened = text_of(path)
    (address,) = re.findall(r'hx-get="([^"]+/live\?version=[^"]+)"', opened)

    assert opened.count("not run yet") == 8
    assert visit(address).status_code == 204
    for run in ("IncidentDetectionAgent-read", "PostProcessAgent-early"):
        store.record_run(alert.incident_id, Run(run, NOW, NOW + timedelta(seconds=1), {}, None))
    begun = text_of(path)
    assert begun.count("not run yet") == 8, "what came before the judgement is no step of its own"
    assert "Read the telemetry" in begun
    assert "Send the first facts" in begun
    (address,) = re.findall(r'hx-get="([^"]+/live\?version=[^"]+)"', begun)
    store.record_run(alert.incident_id, Run("IncidentDetectionAgent", NOW, NOW + timedelta(seconds=2), {}, None))
    renewed = text_of(address)
    assert "<!doctype" not in renewed
    assert renewed.count("not run yet") == 7
    store.close_incident(alert.incident_id, {"kind": "degraded"})
    ended = text_of(address)
    assert "/live?version=" not in ended
    assert "degraded brief" in ended
    store.close_incident(alert.incident_id, {"kind": "degraded"})


def test_dropped_claim_is_shown_with_its_reason() -> None:
    """A reader sees what the model said and code did not believe."""
    store = traces.connect()
    alert = an_alert(incident_id="inc-20260504-dropped000")
    store.open_incident(a_record(alert))
    reason = "The quote 'out of <b>disk</b>' of the hypothesis is nowhere in L1"
    store.record_run(alert.incident_id, Run("RCAAgent", NOW, NOW, {}, {"root_causes": []}, claims_dropped=(reason,)))

    text = text_of(f"/incidents/{alert.incident_id}")

    assert "1 claims dropped" in text
    assert "out of &lt;b&gt;disk&lt;/b&gt;" in text


def test_trace_of_another_release_is_shown_as_it_is() -> None:
    """Answers that are no contract any more do not hide the rest."""
    store = traces.connect()
    alert = an_alert(incident_id="inc-20260504-foreign000")
    record = IncidentRecord(alert.incident_id, "shop", "open", NOW, NOW, {"odd": [1, {"x": None}]}, outcome={"kind": 7})
    store.open_incident(record)
    store.record_run(alert.incident_id, Run("RCAAgent", NOW, NOW, {}, {"root_causes": "many"}))
    store.record_run(alert.incident_id, Run("Unheard/Agent", NOW, NOW, {"reads": 3}, {"x": 1}))

    text = text_of(f"/incidents/{alert.incident_id}")

    assert "Unheard/Agent" in text
    assert "&#34;root_causes&#34;: &#34;many&#34;" in text
    assert visit(f"/incidents/{alert.incident_id}/postmortem.md").status_code == 200
    assert "inc-20260504-foreign000" in text_of("/incidents")


def test_side_by_side_keeps_numbers_and_pairs_lines() -> None:
    """A removed line stands against the one that replaces it; files and hunks keep their own numbers."""
    diff = "--- a/x.py\n+++ b/x.py\n@@ -3,3 +3,4 @@ def f\n a\n-b\n-c\n+B\n+C\n+D\n d\n"
    diff += "--- a/y.py\n+++ b/y.py\n@@ -1 +1 @@\n-x\n+y\n"

    first, second = diff_files(diff)

    assert [(row.left_number, row.left, row.right_number, row.right) for row in first.rows[1:]] == [
        (3, "a", 3, "a"), (4, "b", 4, "B"), (5, "c", 5, "C"), (None, "", 6, "D"), (6, "d", 7, "d")
    ]  # fmt: skip
    assert (second.path, second.rows[1].left, second.rows[1].right) == ("y.py", "x", "y")


def test_brief_is_shown_in_a_frame_in_which_nothing_runs() -> None:
    """As it was mailed; the frame loads and leads nowhere, and only our own pages hold it."""
    (frame,) = Elements(page()).of("iframe")
    assert frame["sandbox"] in ("", None)
    assert frame["src"] == f"/incidents/{ID}/brief"

    response = visit(f"/incidents/{ID}/brief")

    text = response.get_data(as_text=True)
    assert "ZeroDivisionError" in text
    assert "<script>alert" not in text
    assert SECRET not in text
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'")
    assert "allow" not in policy
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_incident_without_a_brief_has_no_frame() -> None:
    """And no page of one."""
    store, other = traces.connect(), an_alert(incident_id="inc-no-brief")
    store.open_incident(a_record(other))

    assert Elements(text_of("/incidents/inc-no-brief")).of("iframe") == []
    assert visit("/incidents/inc-no-brief/brief").status_code == 404
