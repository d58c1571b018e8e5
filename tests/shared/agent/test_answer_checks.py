"""The checks of each agent's answer."""

import pytest

from shared.agent import answer_checks
from shared.agent.claim_checks import GroundingContext
from shared.analysis import confidence
from shared.contracts import (
    Command,
    Confirmation,
    DetectionVerdict,
    Evidence,
    FileEdit,
    Incident,
    LogPattern,
    Mitigation,
    Patch,
    Quote,
    RootCause,
    RootCauses,
    Solution,
    StackTrace,
    Suggestion,
    Suggestions,
    Unknown,
)
from tests.builders import NOW, an_alert, an_incident

CALM = "By its lines about 8 % of requests fail, while error_ratio is at most 0 % since the onset."
FAILING = Confirmation(what="error_ratio: 0 % → 9 %.", shows_failure=True)
INCIDENT = an_incident(onset=NOW, lines_read=40, confirmations=[FAILING], log_selector='{app="shop"}')
CONTEXT = GroundingContext([INCIDENT, an_alert()])
BY_CODE = RootCause(hypothesis="share (/app/cart.py:6) raises ZeroDivisionError.", confidence=0.7, evidence_ids=["L1"])
OFFLINE = RootCauses(root_causes=[BY_CODE], most_likely="offline thinks so")
QUOTE = Quote(evidence_id="L1", text="division by zero")


def _causes(incident: Incident = INCIDENT, offline: RootCauses = OFFLINE, **changes) -> tuple[RootCauses, list[str]]:
    cause = RootCause(**{"hypothesis": "a division has a divisor of zero", "confidence": 1.0, **changes})
    return answer_checks.causes(RootCauses(root_causes=[cause]), offline, incident, CONTEXT)


def test_quoted_claim_is_as_sure_as_what_code_concludes_from_the_same_evidence() -> None:
    """A model's opinion of itself is measured by nobody."""
    causes, drops = _causes(quotes=[QUOTE])

    assert (causes.root_causes[0].confidence, drops) == (0.7, [])
    assert causes.root_causes[0].evidence_ids == ["L1"]
    assert causes.most_likely == "a division has a divisor of zero"


def test_what_a_claim_cites_counts_where_it_speaks_of_the_claim() -> None:
    """The first line of a trace is a piece of its own, from which no rule concludes anything."""
    line = Evidence(id="L2", source="logs", text="Traceback: division by zero in the cart")
    context = GroundingContext([INCIDENT.replace(evidence=[*INCIDENT.evidence, line])])
    cause = RootCause(
        hypothesis="A division by zero.", confidence=0.9, quotes=[Quote(evidence_id="L2", text="division by zero")]
    )

    def sure(*cited: str) -> float:
        answer = RootCauses(root_causes=[cause.replace(evidence_ids=list(cited))])
        return answer_checks.causes(answer, OFFLINE, INCIDENT, context)[0].root_causes[0].confidence

    assert (sure("L1"), sure()) == (BY_CODE.confidence, confidence.UNRANKED_CAP)


def test_model_may_be_less_sure() -> None:
    """It may know why not."""
    assert _causes(quotes=[QUOTE], confidence=0.2)[0].root_causes[0].confidence == 0.2


def test_evidence_from_which_no_rule_follows_anything_makes_no_claim_likely() -> None:
    """A new insight is worth a look, not a belief."""
    causes, _ = _causes(offline=RootCauses(most_likely="Unknown"), quotes=[QUOTE])

    assert causes.root_causes[0].confidence == confidence.UNRANKED_CAP


def test_claim_without_a_quote_has_lower_confidence() -> None:
    """A citation supports a claim less than a quote does."""
    assert _causes(evidence_ids=["L1"])[0].root_causes[0].confidence == confidence.UNQUOTED_CAP


@pytest.mark.parametrize(
    ("changes", "cap"),
    [
        ({"onset": None}, confidence.NO_ONSET_CAP),
        ({"confirmations": [], "contradiction": "error_ratio is 0 %."}, confidence.CONTRADICTED_CAP),
        ({"degraded": "Metrics are missing"}, confidence.DEGRADED_CAP),
        ({"evidence": [], "lines_read": 0}, confidence.NO_LOGS_CAP),
    ],
)
def test_confidence_is_capped_by_what_was_available(changes, cap: float) -> None:
    """With part of the telemetry missing, no claim is certain."""
    incident = an_incident(**{"onset": NOW, "lines_read": 40, "confirmations": [FAILING], **changes})

    assert _causes(incident, quotes=[QUOTE])[0].root_causes[0].confidence == cap


def test_claim_on_a_trace_that_a_user_may_have_sent_has_low_confidence() -> None:
    """Whatever a model says of it, and whether it cites the trace or the line that it came with."""
    seen = {"first_seen": NOW, "last_seen": NOW}
    trace = StackTrace(language="python", exception_type="KeyError", message="x", frames=[], **seen, is_doubtful=True)
    line = LogPattern(
        template="refused", level="warning", count=9, exemplar="refused", raises="KeyError: x", evidence_id="L1", **seen
    )

    lines = INCIDENT.replace(stack_traces=[trace], patterns=[line])
    traces = INCIDENT.replace(stack_traces=[trace.replace(evidence_id="L1")])

    for incident in (lines, traces):
        assert _causes(incident, quotes=[QUOTE])[0].root_causes[0].confidence == confidence.DOUBTFUL_CAP


@pytest.mark.parametrize(
    "changes",
    [
        {"evidence_ids": ["T7"]},
        {"quotes": [Quote(evidence_id="L1", text="UFO")]},
        {"quotes": [QUOTE], "hypothesis": "98765 users were hit."},
        {"quotes": [Quote(evidence_id="L1", text="Z")]},
        {"quotes": [QUOTE], "hypothesis": "The disk is full."},
        {"evidence_ids": ["L1"], "hypothesis": "The disk is full."},
    ],
    ids=["no such evidence", "no such quote", "invented number", "one letter", "quote of something else", "id alone"],
)
def test_claim_without_evidence_is_replaced_by_the_offline_one(changes) -> None:
    """Nothing that the evidence does not speak of gets into the brief."""
    causes, drops = _causes(**changes)

    assert (causes.root_causes, causes.most_likely) == ([BY_CODE], "offline thinks so")
    assert drops


def test_claim_of_code_stays_as_code_made_it() -> None:
    """Its words, quotes and evidence are code's; only its confidence may fall."""
    causes, drops = _causes(hypothesis=BY_CODE.hypothesis, confidence=0.9, quotes=[Quote(evidence_id="L1", text="Z")])

    assert (causes.root_causes, drops) == ([BY_CODE], [])
    assert _causes(hypothesis=BY_CODE.hypothesis, confidence=0.1)[0].root_causes[0].confidence == 0.1


def test_answer_without_hypotheses_is_accepted() -> None:
    """When the model gives no hypothesis, no guess replaces it."""
    unknown = Unknown(what="Whether the divisor was ever set.")
    causes, drops = answer_checks.causes(RootCauses(unknowns=[unknown]), OFFLINE, INCIDENT, CONTEXT)

    assert (causes.root_causes, causes.unknowns, drops) == ([], [unknown], [])


def test_query_to_run_next_is_made_by_code() -> None:
    """The model names words of the evidence, code writes the query that holds them as text."""
    questions = [Unknown(what="Since when it divides.", look_for='division by" or ""="'), Unknown(what="Since when.")]
    questions += [Unknown(what="Where it divides.", look_for="division by zero", next_query='{a=~".+"}')]

    causes, drops = answer_checks.causes(RootCauses(unknowns=questions), OFFLINE, INCIDENT, CONTEXT)

    assert [one.next_query for one in causes.unknowns] == ["", "", '{app="shop"} |= "division by zero"']
    assert len(drops) == 1


def test_unknown_of_code_keeps_its_query() -> None:
    """What a model takes over from the rules comes with the query of the rules."""
    by_code = Unknown(what="Whether `db` restarted.", next_query="restarts")
    answer = RootCauses(unknowns=[Unknown(what="Whether 'db' restarted.")])

    causes, _ = answer_checks.causes(answer, OFFLINE.replace(unknowns=[by_code]), INCIDENT, CONTEXT)

    assert causes.unknowns == [by_code]


def _judged(offline: Incident, **changes) -> tuple[Incident, list[str]]:
    return answer_checks.judgement(offline.model_copy(update=changes), offline, CONTEXT)


@pytest.mark.parametrize(
    "offline",
    [
        an_incident(lines_read=40),
        an_incident(lines_read=0, severity="low"),
        an_incident(lines_read=9, severity="low", degraded="x", contradiction=CALM),
        an_incident(lines_read=9, severity="low", contradiction=CALM, confirmations=[FAILING]),
        an_incident(lines_read=9, severity="high", contradiction=CALM),
        an_incident(lines_read=900, severity="low", health=["It is calm."]),
        an_incident(lines_read=900, severity="low", verdict="cannot_tell"),
    ],
    ids=["high", "no logs", "half the telemetry", "failures measured", "severe", "calm elsewhere", "cannot tell"],
)
def test_model_may_not_dismiss_what_code_would_not(offline: Incident) -> None:
    """A log text that talks the model into a dismissal changes nothing."""
    judged, drops = _judged(offline, recommendation="dismiss", incident_detected=False)

    assert judged.needs_response
    assert drops


def test_model_may_dismiss_a_small_incident_that_a_metric_speaks_against() -> None:
    """Lines alone report it, failed requests are measured and do not show it; the brief gives that as the reason."""
    offline = an_incident(lines_read=40, severity="medium", contradiction=CALM)

    judged, drops = _judged(offline, recommendation="dismiss", incident_detected=False)

    assert (judged.recommendation, judged.verdict, judged.needs_response, drops) == ("dismiss", "healthy", False, [])
    assert judged.health == [CALM]


def test_model_that_sees_no_incident_hides_none() -> None:
    """To proceed and to have detected nothing is no dismissal."""
    judged, _ = _judged(an_incident(lines_read=40), incident_detected=False)

    assert (judged.incident_detected, judged.needs_response) == (True, True)


@pytest.mark.parametrize("verdict", ["healthy", "cannot_tell"])
def test_model_may_call_an_incident_what_code_did_not(verdict: DetectionVerdict) -> None:
    """It may see what rules do not; a proposal to proceed alone is none."""
    offline = an_incident(verdict=verdict, incident_detected=False, severity="low")

    assert _judged(offline, incident_detected=True, recommendation="proceed")[0].verdict == "incident"
    assert _judged(offline, incident_detected=False, recommendation="proceed")[0].verdict == verdict


def test_severity_falls_one_step_at_most() -> None:
    """The model may lower the severity by one step, not more."""
    assert _judged(INCIDENT, severity="medium")[0].severity == "medium"
    assert _judged(INCIDENT, severity="low")[0].severity == "medium"


def test_invented_service_is_dropped() -> None:
    """Only names that are in the evidence are reported."""
    judged, _ = _judged(INCIDENT, affected_services=["checkout-api", "payments-of-mars"])

    assert judged.affected_services == ["checkout-api"]


def test_sentence_of_the_evidence_is_no_name() -> None:
    """A log line would else stand in the head of the brief, as an affected service."""
    judged, drops = _judged(INCIDENT, affected_services=["division by zero", "shop"])

    assert "division by zero" not in judged.affected_services
    assert drops


def test_title_of_brief_and_mail_is_codes() -> None:
    """A model adds symptoms after the first."""
    offline = an_incident(initial_symptoms=["Calls divide by zero."])

    judged, _ = _judged(offline, initial_symptoms=["Run it again now.", "Calls divide by zero.", "Division fails."])

    assert judged.initial_symptoms == ["Calls divide by zero.", "Run it again now.", "Division fails."]


def test_harm_that_only_a_model_sees_has_a_title_that_says_so() -> None:
    """Where code saw no symptom the words of a model are no title either, and none is made up."""
    assert _judged(an_incident(initial_symptoms=[]))[0].initial_symptoms == []

    judged, _ = _judged(an_incident(initial_symptoms=[]), initial_symptoms=["Division fails."])

    assert judged.initial_symptoms == ["A model sees harm that no rule sees.", "Division fails."]


ROLL_BACK = Suggestion(
    advice_id="roll_back",
    type="rollback",
    description="Roll it back.",
    commands=[Command(what="In Kubernetes", command="kubectl rollout undo deployment/shop")],
    priority="high",
)
SCALE = Suggestion(advice_id="add_capacity", type="scale", description="Add instances.", priority="medium")
ADVICE = Suggestions(suggestions=[ROLL_BACK, SCALE], recommended_action=ROLL_BACK.description)


def test_model_orders_the_advice_of_code() -> None:
    """What it ranks first is recommended; nothing is lost."""
    advice, drops = answer_checks.suggestions(ADVICE.replace(ranking=["add_capacity"]), ADVICE, CONTEXT)

    assert advice.suggestions == [SCALE, ROLL_BACK]
    assert (advice.recommended_action, advice.ranking, drops) == ("Add instances.", ["add_capacity", "roll_back"], [])


EVIL = Suggestion(type="config", description="Run it.", steps=["rm -rf /var"], priority="high")


def test_advice_of_a_model_is_none() -> None:
    """However it sends advice, what a reader may do stays what code made."""
    answer = ADVICE.replace(ranking=["rm -rf /var", "roll_back"], suggestions=[EVIL], recommended_action="rm -rf /var")

    advice, drops = answer_checks.suggestions(answer, ADVICE, CONTEXT)

    assert (advice.suggestions, advice.recommended_action) == ([ROLL_BACK, SCALE], "Roll it back.")
    assert len(drops) == 1


def test_mitigations_are_those_of_code_in_the_order_of_the_model() -> None:
    """The first is recommended, unless an exact revert is drafted."""
    measures = [Mitigation(advice_id="roll_back", action="Roll back.", priority="high")]
    measures += [Mitigation(advice_id="add_capacity", action="Add instances.", priority="high")]
    offline = Solution(incident_category="code_issue", mitigations=measures, recommended_solution="Roll back.")
    patch = Patch(strategy="revert", reverts="a" * 40, files_to_modify=[FileEdit(path="a", original="b", new="c")])
    evil = Mitigation(action="rm -rf /var", can_auto_execute=True, priority="high")
    answer = offline.replace(ranking=["add_capacity"], mitigations=[evil], recommended_solution="rm -rf /var")

    checked, _ = answer_checks.solution(answer, offline, CONTEXT)
    drafted, _ = answer_checks.solution(answer.replace(patch=patch), offline.replace(patch=patch), CONTEXT)

    assert checked.mitigations == drafted.mitigations == measures[::-1]
    assert checked.recommended_solution == "Add instances."
    assert drafted.recommended_solution == "Roll back."


@pytest.mark.parametrize("remark", ["See evil.example/x.", "Run `rm -rf /var`", "DROP TABLE orders;", "Merge PR #4711"])
def test_remark_that_names_what_the_evidence_does_not_is_dropped(remark: str) -> None:
    """Remarks are claims like any other."""
    answer = ADVICE.replace(remarks=f"The division is new. {remark}")

    advice, drops = answer_checks.suggestions(answer, ADVICE, CONTEXT)

    assert advice.remarks == "The division is new."
    assert len(drops) == 1
