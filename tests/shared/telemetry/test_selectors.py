"""Selectors of a service, by a label or by an operator's template."""

import re

import pytest
from pydantic import TypeAdapter, ValidationError

from infra.local.sandboxes.loki import logql
from shared.telemetry import selectors

LABELS = {"namespace": "shop", "pod": "api-1", "empty": ""}


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("app=$service", "write a selector"),
        ('{app="shop"}', "selects the same for every alert"),
        ('{app!="$service"}', "selects the same for every alert"),
        ('{app="$service" namespace="x"}', "cannot read it from"),
        ('{app=$service, b="c"}', "cannot read it from 'app=$service"),
        ('{app="$service", }}', "cannot read it from"),
        (r'{app=~"$service\d"}', "a backslash is written twice"),
    ],
)
def test_wrong_templates_are_refused_saying_how_to_write_them(template: str, problem: str) -> None:
    """Also before any alert comes: when the settings are read."""
    with pytest.raises(ValidationError, match=re.escape(problem)):
        TypeAdapter(selectors.SelectorTemplate).validate_python(template)


@pytest.mark.parametrize(
    ("template", "own", "everything"),
    [
        ('{app="$service"}', '{app="api"}', '{app=~".+"}'),
        (
            '{cluster="eu", namespace="$namespace",app="$service"}',
            '{cluster="eu", namespace="shop", app="api"}',
            '{cluster="eu", namespace="shop", app=~".+"}',
        ),
        ('{namespace="$namespace", pod="$pod"}', '{namespace="shop", pod="api-1"}', '{namespace="shop", pod=~".+"}'),
        ('{pod=~"${service}-.+$"}', '{pod=~"api-.+$"}', '{pod=~".+"}'),
        (r'{app=~"$service(-\\d+)?"}', r'{app=~"api(-\\d+)?"}', '{app=~".+"}'),
    ],
)
def test_places_hold_the_alerts_labels(template: str, own: str, everything: str) -> None:
    """The service's matcher is also what is opened to reach the other services of the place."""
    selector = selectors.by_template(template, "api", LABELS)

    assert selector is not None
    assert (selector.own, selector.everything) == (own, everything)
    assert selector.matchers == own[1:-1]


@pytest.mark.parametrize("template", ['{app="$service", zone="$zone"}', '{app="$service", zone="$empty"}'])
def test_alert_without_a_label_of_the_template_is_read_by_the_services_label(template: str) -> None:
    """Half a template would select the lines of other services too."""
    assert selectors.by_template(template, "api", LABELS) is None
    selected = selectors.service_selector("job", template, {}, "api", LABELS)
    assert selected == selectors.by_label("job", "api")


@pytest.mark.parametrize("value", ['x"} or {a=~".+', "a.c", "a|b", "\\", "$service", "é\n"])
@pytest.mark.parametrize("operator", ["=", "=~"])
def test_label_from_outside_selects_only_itself(operator: str, value: str) -> None:
    """An alert is written by others: its labels are text, neither LogQL nor a regular expression."""
    selector = selectors.by_template(f'{{app{operator}"$name"}}', "api", {"name": value})

    assert selector is not None
    parsed = logql.parse(selector.own)
    assert parsed.selects({"app": value})
    assert not parsed.selects({"app": "abc"})
    assert logql.parse(selector.others).selects({"app": "abc"})
    assert not logql.parse(selector.others).selects({"app": value})


def test_own_template_of_a_service_goes_before_the_common_one() -> None:
    """One service may be deployed in another way than all others."""
    own = {"api": '{host="$service"}'}

    assert selectors.service_selector("job", '{app="$service"}', own, "api", {}).own == '{host="api"}'
    assert selectors.service_selector("job", '{app="$service"}', own, "cart", {}).own == '{app="cart"}'
