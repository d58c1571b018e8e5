"""What the brief says, in HTML and in text, and what never gets into it."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings, strategies

import functions.post_process.main  # noqa: F401  # it says what is loaded when it is woken
from functions.post_process.brief import render as rendering
from functions.post_process.brief.render import HTML_BYTES, Brief, render
from functions.post_process.brief.view import Usage, kind_of
from shared.contracts import (
    Change,
    CodeAnalysis,
    Command,
    ErrorSummary,
    Failure,
    FileEdit,
    Mitigation,
    Patch,
    PostProcessRequest,
    PullRequest,
    RootCause,
    RootCauses,
    Solution,
    Suggestion,
    Suggestions,
)
from shared.step import steps, waking
from shared.text.plain_text import as_rendered
from tests.functions import post_process_requests as requests

USAGE = Usage(tokens=18_342, cost_usd=0.0213, duration_ms=41_000)


class Page(HTMLParser):
    """What a mail program sees: tags with their attributes, and the visible words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._is_hidden = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect the tag."""
        self.tags.append((tag, dict(attrs)))
        self._is_hidden = tag in ("style", "title")
        # What a reader has where images are not drawn.
        self.words += f"{dict(attrs).get('alt') or ''} "

    def handle_data(self, data: str) -> None:
        """Collect the words outside the head."""
        self.words += "" if self._is_hidden else f"{data} "

    @property
    def links(self) -> list[str]:
        """Where the page leads."""
        return [attrs["href"] or "" for tag, attrs in self.tags if tag == "a"]


def brief(request: PostProcessRequest) -> Brief:
    """Return the brief of a request, with its own failures."""
    return render(request, list(request.failures), USAGE)


def vocabulary(text: str) -> set[str]:
    """Return the words of a text in lower case, without markup."""
    return set(re.findall(r"\w+", text.lower()))


@pytest.mark.parametrize(
    ("request_", "kind", "prefix"),
    [
        (requests.full(), "full", "[high] billing-worker: "),
        (requests.degraded(), "degraded", "[high] [degraded] billing-worker: "),
        (requests.silent(), "degraded", "[unknown] [degraded] billing-worker: "),
        (requests.dismissed(), "dismissed", "[dismissed] billing-worker: "),
    ],
    ids=["full", "degraded", "silent", "dismissed"],
)
def test_subject_states_severity_kind_and_service(request_: PostProcessRequest, kind: str, prefix: str) -> None:
    """The kind is known from the subject alone."""
    rendered = brief(request_)

    assert rendered.kind == kind
    assert rendered.subject.startswith(prefix)


def test_full_brief_answers_in_the_order_of_need() -> None:
    """Headline, cause, what to do, pull request, code, counts, timeline, patterns, unknowns, links: in this order."""
    words = Page(brief(requests.full()).html).words

    order = [
        "One invoice in four fails",
        "Since 14 Mar 02:44 UTC",
        "removed the guard",
        "Confidence: 86 % (medium; nothing but the log shows the failure)",
        "Roll billing-worker back",
        "Review pull request #412",
        "kubectl -n billing rollout undo deployment/billing-worker",
        "unsupported operand type(s) for *",
        "raise UnknownCountry(country)",
        "tax = rate * net",
        "Suspect commit (87 %): Round tax per line",
        "447 error lines",
        "Behaviour changed (onset)",
        "invoice <*> failed",
        "Which countries are affected",
        "Silence this alert",
        "gemini:gemini-3.8-flash-002",
        "18,342 tokens, $0.0213",
        f"Trace id: {requests.INCIDENT_ID}",
    ]
    places = [words.index(order[0])]
    for expected in order[1:]:
        places.append(words.index(expected, places[-1]))
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["full", "degraded", "dismissed", "silent"])
def test_text_says_what_the_html_says(name: str) -> None:
    """HTML and text hold the same words and addresses: the plain alternative has no less and no more."""
    rendered = brief(getattr(requests, name)())
    page = Page(rendered.html)

    assert vocabulary(rendered.text) == vocabulary(" ".join([page.words, *page.links]))


def test_recommended_action_is_first_and_listed_once() -> None:
    """An action that two agents name and one recommends is one action with its steps."""
    text = brief(requests.full()).text

    assert text.count("Roll billing-worker back") == 1
    assert text.index("1. Roll billing-worker back") < text.index("kubectl") < text.index("2. Pause")


def test_rollback_that_names_the_commit_replaces_the_vague_one() -> None:
    """Advice from before the commit was known is dropped; a weak suspect changes nothing."""
    vague = Suggestion(
        advice_id="roll_back",
        type="rollback",
        description="Roll it back if a version was deployed shortly before.",
        priority="high",
    )
    early = Suggestions(suggestions=[vague], recommended_action=vague.description)
    named = Mitigation(
        advice_id="roll_back",
        action="Roll it back to a release without 4c1d9e07aa31.",
        steps=["Find it."],
        priority="high",
    )
    weak = requests.code_analysis().suspect_commits[0].model_copy(update={"score": 0.2})
    answers = {"suggestions": early, "solution": requests.solution(mitigations=[named])}

    settled = brief(requests.full(**answers)).text
    open_ = brief(requests.full(**answers, code_analysis=requests.code_analysis(suspect_commits=[weak]))).text

    assert "1. Roll it back to a release without 4c1d9e07aa31." in settled
    assert "if a version was deployed" not in settled
    assert "1. Roll it back if a version was deployed shortly before." in open_
    assert "a release without" not in open_
    assert "Commit to look at (only 20 %)" in open_


@pytest.mark.parametrize("maker", ["offline", "gemini:gemini-3.8-flash"])
def test_prose_is_plain_text_whoever_wrote_it(maker: str) -> None:
    """Asterisks of a template are not emphasis, and nothing in prose gets a style of its own."""
    hypothesis = "“GET <*> took <*> ms” and *that* is 2*3*4: `kubectl get pods`, [here](//evil.example)"
    cause = requests.root_causes().root_causes[0].model_copy(update={"hypothesis": hypothesis})

    page = Page(brief(requests.full(root_causes=requests.root_causes(produced_by=maker, root_causes=[cause]))).html)

    assert hypothesis in page.words
    assert not {"em", "strong", "code", "pre"} & {tag for tag, _ in page.tags}


def test_page_shows_what_a_check_saw() -> None:
    """No mark that is not drawn, no letter under another code: a check of the same text cannot see it otherwise."""
    hypothesis = "r\u200bm \u202e-rf \u0440\u0430ypal.example"
    cause = requests.root_causes().root_causes[0].model_copy(update={"hypothesis": hypothesis})

    rendered = brief(requests.full(root_causes=requests.root_causes(root_causes=[cause])))

    assert as_rendered(hypothesis) == "rm -rf paypal.example"
    assert "rm -rf paypal.example" in Page(rendered.html).words
    assert "rm -rf paypal.example" in rendered.text


def test_logs_that_were_not_read_show_no_count() -> None:
    """Logs not read, no lines found and no errors are three different statements."""
    counts = {"error_summary": ErrorSummary(), "lines_read": 0}

    unread = brief(requests.full(incident=requests.incident(**counts, log_query_used=""))).text
    silent = brief(requests.full(incident=requests.incident(**counts, log_query_used='{service="x"}'))).text

    assert "were not read, so errors were not counted" in unread
    assert "No log line was found" in silent
    assert "0 errors" not in unread + silent


def test_same_degradation_is_listed_once_with_all_its_steps() -> None:
    """Several steps without a model are one problem."""
    reason = "No model answered: the quota is spent."
    request = requests.full(
        incident=requests.incident(degraded=reason),
        root_causes=requests.root_causes(degraded=reason),
        suggestions=requests.suggestions(degraded=reason),
    )

    text = brief(request).text

    assert text.count("No model answered.") == 2
    assert "No model answered.\nWhy: the quota is spent." in text
    assert "Concluded without it: whether it is an incident, the cause and what to do now." in text


def test_dates_of_a_replay_show_their_year() -> None:
    """A date of another year could be taken for one of this year."""
    then = requests.ONSET.replace(year=2024)
    request = requests.full(incident=requests.incident(onset=then, stack_traces=[]))

    text = brief(request).text

    assert "Since 14 Mar 2024 02:44 UTC" in text
    assert "received 14 Mar 2026 02:55 UTC" in text
    assert "14 Mar 2024 02:44:42 | Behaviour changed (onset)" in text
    assert "14 Mar 2026 02:55:30 | Alert received" in text


def test_alert_without_a_name_reads_well() -> None:
    """No comma without a name before it."""
    assert "Alert received 02:55 UTC" in brief(requests.full(alert=requests.alert(alert_name=""))).text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"pull_request": PullRequest(status="skipped", message="An open incident PR touches tax.py")},
            "open incident PR",
        ),
        ({"pull_request": None, "branch": None, "solution": requests.solution(patch=None)}, "holds no change"),
        (
            {"pull_request": None, "branch": None},
            "None. No step reported one; look for its branch first.",
        ),
        ({"pull_request": None, "branch": None, "solution": None}, "No fix was worked out"),
        (
            {
                "pull_request": None,
                "branch": None,
                "solution": requests.solution(patch=None, patch_withheld="Three commits explain it equally"),
            },
            "Three commits explain it equally",
        ),
    ],
    ids=["skipped", "no patch", "not reported", "no solution", "withheld"],
)
def test_missing_pull_request_has_a_reason(changes: dict[str, object], reason: str) -> None:
    """Without a pull request the brief says why."""
    assert reason in brief(requests.full(**changes)).text


def test_change_without_a_pull_request_is_one_to_make_by_hand() -> None:
    """It is not denied in one sentence and shown in the next, and no merge is named that could be reverted."""
    text = brief(requests.full(pull_request=None, branch=None)).text

    assert "The fix that was worked out changes 1 file." in text
    assert "raise UnknownCountry(country)" in text
    assert "no change" not in text
    assert "To undo:" not in text


def test_each_failure_says_what_it_means_and_what_to_do() -> None:
    """A failed step is named in the warning, explained, and followed by what to do."""
    text = brief(requests.degraded()).text

    assert "!! Incomplete. The code was not read, or not all of it: " in text
    assert "No model answered. See “What failed”." in text
    assert "patch to rely on.\nWhy: GitHub answered 404 for 'example/billing'\nCheck the credential" in text
    assert "No model answered.\nWhy: Gemini's quota is spent." in text


def test_no_failure_is_named_by_a_function() -> None:
    """A reader knows what is missing, and not which of our functions would have brought it."""
    failures = [Failure(step=row.name, error_type="Unavailable", message="no answer") for row in steps.STEPS]
    text = brief(requests.degraded().replace(failures=failures)).text

    assert not [row.name for row in steps.STEPS if "_" in row.name and row.name in text]
    assert text.count("Why: no answer") == len(failures)


def test_offline_answers_are_marked() -> None:
    """A reader sees that rules answered and not a model."""
    assert "Analysed by: offline analyst" in brief(requests.degraded()).text


def test_missing_hypothesis_is_stated() -> None:
    """An answer without causes and a missing answer are different statements."""
    assert "Not known: the evidence names no cause." in brief(requests.full(root_causes=RootCauses())).text
    assert "Not known: it was not sought." in brief(requests.full(root_causes=None)).text


@pytest.mark.parametrize(("share", "lead"), [(1.0, "How it came about"), (0.2, "Also possible")])
def test_rollout_that_brought_the_fault_along_is_no_rival_of_its_cause(share: float, lead: str) -> None:
    """A change of which only part of the errors comes stays one."""
    whole = requests.full()
    assert whole.incident is not None
    assert whole.root_causes is not None
    piece = whole.incident.evidence[-1]
    change = Change(
        kind="rollout", at=requests.ONSET, what="3 instances began", evidence_id=piece.id, error_share=share
    )
    rollout = RootCause(hypothesis="Version 2 brought the error.", confidence=0.6, evidence_ids=[piece.id])
    causes = [whole.root_causes.root_causes[0], rollout]
    request = whole.replace(
        incident=whole.incident.replace(what_changed=[change]),
        root_causes=whole.root_causes.replace(root_causes=causes),
    )

    assert f"{lead}, medium confidence: Version 2 brought the error." in brief(request).text


def test_stack_trace_replaces_code_that_could_not_be_read() -> None:
    """Without code the reader still sees the failing frames."""
    text = brief(requests.full(code_analysis=CodeAnalysis(code_available=False))).text

    assert "billing/tax.py:41 tax_of" in text


def test_empty_answers_still_make_a_brief() -> None:
    """An alert with empty answers makes a brief without empty sections."""
    request = PostProcessRequest(
        alert=requests.alert(annotations={}, dashboard_url="", generator_url="", silence_url="", started_at=None),
        incident=requests.incident(
            error_summary=ErrorSummary(),
            patterns=[],
            evidence=[],
            stack_traces=[],
            onset=None,
            initial_symptoms=[],
        ),
        suggestions=Suggestions(),
    )

    rendered = brief(request)

    assert "Since: not known." in rendered.text
    assert "LINKS" not in rendered.text
    assert rendered.images == ()


@pytest.mark.parametrize("name", ["huge", "hostile", "full"])
def test_html_stays_under_the_size_gmail_clips(name: str) -> None:
    """Gmail clips at 102 KB; cause, actions and pull request are never left out."""
    rendered = brief(getattr(requests, name)())

    assert len(rendered.html.encode()) <= HTML_BYTES < 102_000
    assert {"MOST LIKELY CAUSE", "DO NOW", "PULL REQUEST"} <= set(rendered.text.splitlines())


def test_brief_says_what_is_left_out() -> None:
    """A shortened brief says so and where the rest is."""
    assert "for length. The trace has everything." in brief(requests.huge()).text


def test_patterns_that_are_not_shown_are_counted() -> None:
    """Those the brief has no room for and those the contract had no room for."""
    (pattern, *_) = requests.incident().patterns
    incident = requests.incident(patterns=[pattern] * 57)

    assert "49 more kinds of lines are not listed." in brief(requests.full(incident=incident)).text


def test_edits_of_one_file_are_one_change() -> None:
    """A file edited twice counts once and shows as one change, without line numbers of fragments."""
    edits = [FileEdit(path="a.py", original=f"old{n}\n", new=f"new{n}\n") for n in range(2)]
    patch = Patch(strategy="revert", reverts="4c1d9e07aa31", files_to_modify=edits)

    checked = requests.branch().replace(reverts="4c1d9e07aa31")
    text = brief(requests.full(solution=requests.solution(patch=patch), branch=checked)).text

    assert "It reverts commit 4c1d9e07aa31, in 1 file." in text
    assert "    -old0\n    +new0\n    …\n    -old1\n    +new1\n" in text
    assert "@@" not in text


def test_revert_that_waits_for_a_person_is_shown_with_its_reason() -> None:
    """With a link where it can be approved; without one it is made by hand."""
    why = "Checked; nothing is written before a person approves. Log text alone shows the failure."
    branch = requests.branch().replace(status="awaiting_approval", reverts="4c1d9e07aa31", message=why)
    waiting = PullRequest(status="awaiting_approval", approval_url="https://approve.example.com/?incident=x")
    by_hand = PullRequest(status="skipped", message=f"{why} No approval is set up.")

    to_approve = brief(requests.full(branch=branch, pull_request=waiting)).text
    unset = brief(requests.full(branch=branch, pull_request=by_hand)).text

    for text in (to_approve, unset):
        assert "Log text alone shows the failure." in text
        assert "It reverts commit 4c1d9e07aa31, in 1 file." in text
        assert "raise UnknownCountry(country)" in text
    assert "No approval is set up." in unset


def test_weak_suspects_are_not_shown_next_to_the_best() -> None:
    """The best suspect is always shown, another only where it may well be the culprit instead."""
    best = requests.code_analysis().suspect_commits[0]
    weak = best.model_copy(update={"subject": "Rename a test", "score": 0.1})
    rival = best.model_copy(update={"subject": "Widen the ledger timeout", "score": 0.3})

    text = brief(requests.full(code_analysis=requests.code_analysis(suspect_commits=[best, weak, rival]))).text

    assert "Round tax per line" in text
    assert "Widen the ledger timeout" in text
    assert "Rename a test" not in text


def test_evidence_of_one_query_is_linked_once() -> None:
    """Four pieces of evidence from one query are one link."""
    piece = requests.incident().evidence[0]
    pieces = [piece.model_copy(update={"id": f"L{n}"}) for n in range(1, 5)]

    links = Page(brief(requests.full(incident=requests.incident(evidence=pieces))).html).links

    assert len(links) == len(set(links))


def test_full_hash_is_shortened_in_prose_and_whole_in_commands() -> None:
    """Forty digits fill two lines on a phone; a command needs them all."""
    sha = "4c1d9e07aa31" + "0" * 28
    revert = Command(what="On a branch", command=f"git revert {sha}")
    one = requests.suggestions().suggestions[1].model_copy(update={"commands": [revert]})
    rendered = brief(requests.full(suggestions=Suggestions(suggestions=[one], recommended_action=f"Take {sha} back")))

    assert "1. Take 4c1d9e07aa31 back" in rendered.text
    assert f"git revert {sha}" in rendered.text


def test_command_is_complete_or_absent() -> None:
    """Half a command is another command: a long one is left out, never truncated."""
    commands = [Command(what="Long", command="kubectl delete pod --selector app=" + "a" * 700)]
    commands += [Command(what="Short", command="kubectl get pods")]
    suggestion = requests.suggestions().suggestions[0].model_copy(update={"commands": commands})

    text = brief(requests.full(suggestions=Suggestions(suggestions=[suggestion]))).text

    assert "kubectl delete" not in text
    assert "A long command is left out here" in text
    assert "  Short:\n    kubectl get pods\n" in text


@pytest.mark.parametrize("step", ["$ kubectl delete ns prod", "sudo rm -rf /var", "`curl //evil.example`"])
def test_only_what_code_made_a_command_looks_like_one(step: str) -> None:
    """A step is words, whatever they are: it is in the list of steps and never in a block to copy."""
    suggestion = requests.suggestions().suggestions[0].model_copy(update={"steps": [step], "commands": []})
    request = requests.full(
        suggestions=Suggestions(suggestions=[suggestion]), solution=requests.solution(patch=None, mitigations=[])
    )

    text = brief(request).text

    assert f"  - {step}\n" in text
    assert f"    {step}" not in text


def test_page_of_a_command_and_the_runbook_are_links() -> None:
    """What goes with an action stands under it: a page that operators set, the runbook of the alert."""
    page = Command(what="Releases", link="https://grafana.example.com/releases/billing-worker")
    one = requests.suggestions().suggestions[1].model_copy(update={"commands": [page]})
    runbook = Suggestion(advice_id="follow_runbook", type="api", description="Follow the runbook.", priority="low")
    request = requests.full(suggestions=Suggestions(suggestions=[one, runbook], recommended_action=one.description))

    links = Page(brief(request).html).links

    assert page.link in links
    assert links.count(request.alert.runbook_url) == 1
    text = brief(request).text
    assert text.index("DO NOW") < text.index(request.alert.runbook_url) < text.index("WHAT IT RESTS ON")


def test_remarks_of_a_model_stand_apart_from_what_to_do() -> None:
    """They are prose under a title of their own, once where two agents say the same."""
    words = "The rollback is safe: no migration came with it."
    request = requests.full(suggestions=requests.suggestions(remarks=words), solution=requests.solution(remarks=words))

    text = brief(request).text

    assert text.count(words) == 1
    assert f"REMARKS OF THE MODEL\n--------------------\n{words}\n" in text


def test_hostile_text_makes_no_tag_and_no_link() -> None:
    """Scripts, handlers, frames, remote images, templates and markup in logs or answers stay plain text."""
    page = Page(brief(requests.hostile()).html)

    names = {tag for tag, _ in page.tags}
    attributes = {name for _, attrs in page.tags for name in attrs}
    assert not names & {"script", "iframe", "object", "form", "mj-raw", "mj-text", "mjml", "link"}
    assert not {name for name in attributes if name.startswith("on")}
    assert all((attrs["src"] or "").startswith("cid:chart-") for tag, attrs in page.tags if tag == "img")
    assert page.links == []
    assert "49" not in re.findall(r"\{\{ (\S+) \}\}|\b(49)\b", page.words)
    assert "<script>alert(1)</script>" in page.words


ADDRESSES = ["https://evil.example/pay", "www.evil.example", "mailto:eve@example.org", "http://evil.example:80"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_address_that_others_wrote_is_no_link_in_html_or_text(address: str) -> None:
    """Mail programs make links of what looks like an address, wherever it stands; ours stay, and so do commands."""
    words = f"Pay at {address} now"
    request = requests.full(
        incident=requests.incident(initial_symptoms=[words, words], impact=words, reasoning=words),
        suggestions=Suggestions(recommended_action=words),
        root_causes=RootCauses(root_causes=[RootCause(hypothesis=words, confidence=0.5)], most_likely=words),
    )

    made = brief(request)

    assert address not in made.subject + made.text + Page(made.html).words
    assert "evil" in made.text or "eve" in made.text
    assert "https://github.com/example/billing/pull/412" in made.text


def test_subject_quotes_no_line_and_no_model() -> None:
    """A FATAL line with an address must not head the mail; what code says of it does."""
    line = "FATAL pay at https://evil.example now"
    fields = {
        "initial_symptoms": [f"“{line}” is new: 3 since 02:31:00 UTC"],
        "title": "One kind of fatal line is new: 3 since 02:31:00 UTC",
    }
    made = brief(requests.full(incident=requests.incident(**fields)))

    assert made.subject.endswith("billing-worker: One kind of fatal line is new: 3 since 02:31:00 UTC")
    assert "pay at https[:]//evil[.]example now" in made.text


MARKUP = [
    "<",
    "&",
    "]]>",
    "<!--",
    "-->",
    "{{",
    "{%",
    "`",
    "```",
    "\n",
    "*",
    "_",
    "- ",
    "1. ",
    "> ",
    "    ",
    "|",
    "&#60;",
]
MARKUP += ["<mj-text>", "</mj-column>", "<script>", "[x](http://y)", "![x](y)", "<a href=x>", '" onload="', "word"]


@settings(max_examples=60, deadline=None)
@given(strategies.text(max_size=200) | strategies.lists(strategies.sampled_from(MARKUP), max_size=30).map("".join))
def test_any_text_makes_a_brief_without_foreign_tags(text: str) -> None:
    """Whatever a model or a log line says, the brief renders, and only prose tags result."""
    request = requests.full(
        suggestions=Suggestions(recommended_action=text),
        solution=None,
        pull_request=PullRequest(status="skipped", message=text),
        code_analysis=None,
    )

    page = Page(brief(request).html)

    assert not {tag for tag, _ in page.tags} & {"script", "iframe", "mj-text", "mj-column", "form", "object"}
    assert all("example.com" in link for link in page.links)
    assert all(not name.startswith("on") for _, attrs in page.tags for name in attrs)


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\u202e", "\u2066", "\u200b", "\ud800"])
def test_invisible_characters_are_removed(character: str) -> None:
    """Nothing that breaks XML or changes the reading direction reaches a reader, not even as an entity."""
    entity = f"&#x{ord(character):x};"
    request = requests.full(root_causes=requests.root_causes(most_likely="", unknowns=[]))
    request = request.model_copy(
        update={
            "suggestions": Suggestions.model_construct(suggestions=[], recommended_action=f"a{character}b{entity}c")
        }
    )

    rendered = brief(request)

    assert character not in rendered.html + rendered.text + rendered.subject
    assert "ab" in rendered.text


def test_only_web_addresses_become_links() -> None:
    """javascript:, data:, file: and addresses that could leave their attribute are dropped, http and https kept."""
    alert = requests.alert(
        dashboard_url="javascript:alert(1)",
        silence_url="data:text/html,x",
        generator_url='https://x.example/" onmouseover="alert(1)',
        annotations={"runbook_url": "http://wiki.example/run?a=1&b=2"},
    )

    links = Page(brief(requests.full(alert=alert)).html).links

    assert "http://wiki.example/run?a=1&b=2" in links
    assert all(link.startswith(("http://", "https://")) for link in links)
    assert not any("x.example" in link for link in links)


def test_mail_loads_nothing_from_outside() -> None:
    """No font, style or image of another host: opening the mail contacts no other host."""
    html = brief(requests.full()).html

    assert "@import" not in html
    assert "fonts.g" not in html
    assert not re.search(r"<(link|img)[^>]+https?://", html)


def test_what_nobody_configured_is_not_known_and_no_failure() -> None:
    """A store or repository that is not set up is said once, and the brief is whole."""
    unread = CodeAnalysis(code_available=False, hints=["No repository is named for this service: set GITHUB_REPO."])
    metrics = "No metrics store is configured: PROMETHEUS_HOST names one."
    request = requests.full(incident=requests.incident(hints=[metrics]), code_analysis=unread)
    unclear = requests.full(incident=requests.incident(hints=[metrics], verdict="cannot_tell", missing=[metrics]))

    rendered = brief(request)

    assert rendered.kind == "full"
    assert "Incomplete" not in rendered.text
    assert rendered.text.count(metrics) == brief(unclear).text.count(metrics) == 1


def test_any_failure_degrades_the_brief() -> None:
    """A request without failures is full; one failure makes it degraded; a dismissal stays dismissed."""
    failure = Failure(step="hook", error_type="Unavailable", message="closed")

    assert kind_of(requests.full(), []) == "full"
    assert kind_of(requests.full(), [failure]) == "degraded"
    assert kind_of(requests.dismissed(), [failure]) == "dismissed"


def _reported(minutes: float, what: str, **fields: Any) -> Change:
    return Change(kind="reported", at=requests.ONSET + timedelta(minutes=minutes), what=what, **fields)


def test_what_changed_is_one_block_ranked_by_closeness_with_each_source() -> None:
    """By telemetry, Grafana and the code host; what happened after the onset is marked, and each fact stands once."""
    seen = [
        _reported(-2, "A line says: starting checkout 2.15.0", evidence_id="L4"),
        _reported(1, "A line says: reloaded", evidence_id="L5"),
        _reported(-20, "A line says: starting checkout 2.15.01", evidence_id="L6"),
    ]
    deployment = _reported(
        -3,
        "v2.15.0 was deployed.",
        version_after="v2.15.0",
        evidence_id="C4",
        link="https://github.com/a/b/deployments",
    )
    request = requests.full()
    assert request.incident is not None
    assert request.code_analysis is not None
    request = request.replace(
        incident=request.incident.replace(what_changed=seen, onset=requests.ONSET),
        code_analysis=request.code_analysis.replace(what_changed=[deployment], hints=["Releases were not read."]),
    )

    text = brief(request).text

    block = text[text.index("WHAT CHANGED") : text.index("THEN\n")]
    assert [line.strip() for line in block.splitlines() if line.startswith("  ")] == [
        f"- {requests.ONSET + timedelta(minutes=1):%H:%M:%S} UTC, after the onset: A line says: reloaded [log line]",
        f"- {requests.ONSET - timedelta(minutes=3):%H:%M:%S} UTC: v2.15.0 was deployed. [code host, log line]",
        f"- {requests.ONSET - timedelta(minutes=20):%H:%M:%S} UTC: A line says: starting checkout 2.15.01 [log line]",
        f"Source of {requests.ONSET - timedelta(minutes=3):%H:%M:%S} UTC: https://github.com/a/b/deployments",
    ]
    assert "Releases were not read." in text


def test_rollback_that_names_the_version_goes_before_one_that_does_not() -> None:
    """What was advised before the code host was read may know only the time."""
    request = requests.full()
    assert request.code_analysis is not None
    deployment = _reported(-3, "v2.15.0 was deployed.", version_before="v2.14.1", version_after="v2.15.0")
    vague, named = "Roll checkout back to the version until 01:56 UTC.", "Roll checkout back to v2.14.1."
    request = request.replace(
        code_analysis=request.code_analysis.replace(what_changed=[deployment], suspect_commits=[]),
        suggestions=Suggestions(
            suggestions=[Suggestion(advice_id="roll_back", type="rollback", description=vague, priority="high")],
            recommended_action=vague,
        ),
        solution=Solution(
            incident_category="code_issue",
            mitigations=[Mitigation(advice_id="roll_back", action=named, priority="high")],
        ),
    )

    text = brief(request).text

    assert f"1. {named}" in text
    assert vague not in text


def test_woken_function_has_compiled_its_templates() -> None:
    """Filling them is quick; the first brief does not wait for more."""
    rendering._page.cache_clear()
    rendering._plain.cache_clear()

    waking.wake()

    assert rendering._page.cache_info().currsize == rendering._plain.cache_info().currsize == 1
