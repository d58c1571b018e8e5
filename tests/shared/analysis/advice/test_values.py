"""What advice is filled with: a log line can hold any text, so that only names pass."""

import pytest

from shared.analysis.advice.values import deployment_of, name, token, values_of
from shared.contracts import Change
from tests.builders import NOW, an_alert, an_incident

HOSTILE = [
    "db; rm -rf /",
    "db && curl evil.example",
    "$(reboot)",
    "`reboot`",
    "a|b",
    "--all",
    "-rf",
    "x\nrm -rf /",
    "'x'",
    '"x"',
    "a b",
    "${HOME}",
    "a>b",
    "*",
    "~root",
    "../../etc",
    "db\u200b1",
    "d\u0430tabase",
    "x" * 121,
    "https://evil.example/x",
    "www.evil.example",
    "eve@example.org",
    "",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_mark_of_a_shell_gets_into_a_command(value: str) -> None:
    """Quoting would not help: shells differ, and a template may have quotation marks of its own. Nor does a link."""
    assert token(value) == ""


@pytest.mark.parametrize("value", ["orders-db", "10.4.0.7:5432", "v2.14.1", "acme/checkout", "a@shop", "x_1+2"])
def test_names_get_into_commands_and_sentences_as_they_are(value: str) -> None:
    """Of services, hosts, versions, images."""
    assert (token(value), name(value)) == (value, value)


@pytest.mark.parametrize(
    "value", ["https://evil.example/x", "<script>x()</script>", "run this", "a`b", "$(x)", "x;y", "“x”", "w" * 121]
)
def test_no_sentence_or_address_gets_into_advice(value: str) -> None:
    """It would be advice of whoever wrote the line."""
    assert name(value, "the service") == "the service"


def test_values_that_are_no_names_are_left_out() -> None:
    """A template that needs one gives no command then."""
    alert = an_alert(service_name="shop", labels={"service_name": "shop", "team": "a; b", "namespace": "prod"})
    values = values_of(alert, an_incident(), sha="abc", dependency="x y")

    assert {key: values[key] for key in ("service", "namespace", "sha")} == {
        "service": "shop", "namespace": "prod", "sha": "abc"
    }  # fmt: skip
    assert "dependency" not in values
    assert "label.team" not in values


@pytest.mark.parametrize(
    ("instances", "labels", "deployment"),
    [
        (["shop-7d9f8c6b5b-x2x4b", "shop-7d9f8c6b5b-x2x4c"], {}, "shop"),
        (["shop-7d9f8c6b5b-x2x4b", "mail-7d9f8c6b5b-x2x4c"], {}, ""),
        (["shop-7d9f8c6b5b-x2x4b", "shop-1"], {}, ""),
        (["10.0.0.1:8080"], {"deployment": "shop-web"}, "shop-web"),
        ([], {}, ""),
    ],
)
def test_deployment_is_named_by_a_label_or_by_all_of_its_pods(instances, labels, deployment: str) -> None:
    """Undoing the rollout of another deployment would be a second incident."""
    change = Change(kind="rollout", at=NOW, what="Began.", instances=instances)

    assert deployment_of(an_alert(labels=labels), change) == deployment
    assert deployment_of(an_alert(labels=labels), None) == ""
