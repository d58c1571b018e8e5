"""Templates of commands: filled from the evidence alone, extended by the operators."""

import json
import re

import pytest
from pydantic import ValidationError

from shared.analysis.advice.suggest import suggest
from shared.analysis.advice.templates import BUILT_IN, AdviceTemplate, commands_for, configured
from shared.contracts import Change, Command, SuggestionRequest
from tests.builders import NOW, an_alert, an_incident

ECS = {
    "name": "ecs_back",
    "goes_with": "roll_back",
    "what": "In ECS",
    "command": "aws ecs update-service --service {service} --task-definition {service}:{version_before}",
}
PAGE = {
    "name": "releases",
    "goes_with": "roll_back",
    "what": "Its releases",
    "link": "https://deploy.example.com/{label.team}/{service}?from={version_before}",
}


def _template(**changes: object) -> AdviceTemplate:
    return AdviceTemplate.model_validate({**ECS, **changes})


def test_template_is_filled_from_the_evidence() -> None:
    """A label's name may hold a dot after `label`; what stands in an address is escaped for it."""
    values = {"service": "shop", "version_before": "1.2+b/3", "label.team": "a/b"}

    assert commands_for("roll_back", "shop", values, [AdviceTemplate.model_validate(PAGE)]) == [
        Command(what="Its releases", link="https://deploy.example.com/a%2Fb/shop?from=1.2%2Bb%2F3")
    ]
    assert commands_for("roll_back", "shop", values, [_template()])[0].command.endswith(
        "--task-definition shop:1.2+b/3"
    )


def test_template_without_its_evidence_gives_no_command() -> None:
    """A command with a hole in it is worse than none."""
    assert commands_for("roll_back", "shop", {"service": "shop"}, [_template()]) == []


def test_template_is_for_the_services_that_it_names() -> None:
    """An operator may run some services elsewhere; names are patterns."""
    values = {"service": "shop-eu", "version_before": "1"}

    assert commands_for("roll_back", "shop-eu", values, [_template(services=["shop-*"])])
    assert not commands_for("roll_back", "mail", values, [_template(services=["shop-*"])])
    assert not commands_for("check_logs", "shop-eu", values, [_template()])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"link": "https://a.example"}, "either a `command` or a `link`"),
        ({"command": ""}, "either a `command` or a `link`"),
        ({"command": "x\nrm -rf /"}, "one line each"),
        ({"what": "x\ny"}, "one line each"),
        ({"command": "", "link": "javascript:alert(1)"}, "whole http or https address"),
        ({"command": "", "link": "https://{dependency}/x"}, "whose host has no placeholder"),
        ({"command": "echo {secret}"}, "no placeholder {secret}: use {service}"),
        ({"command": "echo {service!r}"}, "no placeholder {service!r}"),
        ({"command": "echo {service.__class__}"}, "no placeholder {service.__class__}"),
        ({"command": "awk '{print $1}'"}, "a brace itself is written twice"),
        ({"command": "echo {service"}, "a brace itself is written twice"),
        ({"goes_with": "shut_down"}, "Input should be 'roll_back'"),
        ({"name": "Undo It"}, "String should match pattern"),
        ({"shell": "sh"}, "Extra inputs are not permitted"),
    ],
)
def test_bad_template_is_refused_with_what_to_write(changes, says: str) -> None:
    """It is written by hand, as JSON, once."""
    with pytest.raises(ValidationError, match=re.escape(says)):
        _template(**changes)


def test_operators_add_replace_and_switch_off(monkeypatch) -> None:
    """One with the name of a built-in takes its place."""
    undo = {**ECS, "name": "kubernetes_undo"}
    off = {"name": "git_revert", "goes_with": "revert_commit", "what": "Off", "is_off": True}
    monkeypatch.setenv("ADVICE_TEMPLATES", json.dumps([undo, off, PAGE]))
    templates, problem = configured()

    assert problem is None
    assert [one.name for one in templates] == ["kubernetes_undo", "kubernetes_pods", "git_revert", "releases"]
    values = {"service": "shop", "namespace": "n", "deployment": "d", "version_before": "1", "label.team": "t"}
    assert [one.what for one in commands_for("roll_back", "shop", values, templates)] == ["In ECS", "Its releases"]
    assert commands_for("revert_commit", "shop", {"sha": "a" * 40}, templates) == []


def test_typo_costs_the_templates_and_no_advice(monkeypatch) -> None:
    """The brief goes out, with the built-in commands, and names the field and the fix."""
    monkeypatch.setenv("ADVICE_TEMPLATES", json.dumps([ECS, {**ECS, "command": "echo {servce}"}]))
    templates, problem = configured()

    assert templates == BUILT_IN
    assert problem is not None
    assert "ADVICE_TEMPLATES[1]" in problem
    assert "{servce}" in problem


def test_rollout_undo_stands_only_where_a_rollout_was_seen() -> None:
    """A reported version may have come by any way; pods of a replica set came by a rollout."""
    pods = [f"shop-7d9f8c6b5{x}-x2x4{x}" for x in "bc"]
    alert = an_alert(service_name="shop", labels={"service_name": "shop", "namespace": "prod"})
    seen = {"at": NOW, "what": "2 instances began.", "version_before": "1.4", "error_share": 1.0}
    by_kind = {}
    for kind, instances in (("rollout", pods), ("reported", pods), ("rollout", ["shop-1", "shop-2"])):
        change = Change(kind=kind, instances=instances, **seen)
        trace = {"language": "python", "exception_type": "KeyError", "first_seen": NOW, "last_seen": NOW}
        frames = [{"path": "/app/cart.py", "line": 7, "function": "total", "in_app": True}]
        incident = an_incident(onset=NOW, what_changed=[change], stack_traces=[{**trace, "frames": frames}])
        answer = suggest(SuggestionRequest(alert=alert, incident=incident))
        by_kind[kind, instances[0]] = [one.command for each in answer.suggestions for one in each.commands]

    undo = "kubectl --namespace prod rollout undo deployment/shop"
    assert [key for key, commands in by_kind.items() if undo in commands] == [("rollout", pods[0])]
