"""Names of hosts, addresses and users are masked for a model and restored afterwards."""

import json
import re

import pytest

from shared.redaction import redact
from shared.redaction.masking import Redactor
from tests.planted_secrets import PLANTED

LINE = (
    'login of user_id=ada42 from 10.1.2.3 to db-1.prod.internal:5432 host=web-7 via https://pay.acme.io/v1 "::ffff:a1"'
)


def test_hosts_addresses_and_users_are_masked() -> None:
    """No name is left, but its kind can still be read."""
    hidden = Redactor("inc-1").hide(LINE)

    assert not re.search(r"ada42|10\.1\.2\.3|db-1|web-7|acme\.io", hidden)
    assert re.search(r"user_id=<user-\d{6}> from <ip-\d{6}> to <host-\d{6}>:5432 host=<host-\d{6}>", hidden)


def test_real_names_are_restored() -> None:
    """Revealing a hidden text returns the redacted text."""
    redactor = Redactor("inc-1")

    for text in (LINE, *(planted.line for planted in PLANTED)):
        assert redactor.reveal(redactor.hide(text)) == redact(text)


def test_masks_depend_on_the_incident_and_not_on_the_order() -> None:
    """Agents in different processes agree; masks do not link two incidents."""
    first, second, other = Redactor("inc-1"), Redactor("inc-1"), Redactor("inc-2")
    second.hide("first something else from 10.9.9.9")

    assert first.hide("from 10.1.2.3") == second.hide("from 10.1.2.3") != other.hide("from 10.1.2.3")


def test_hidden_text_is_not_hidden_again() -> None:
    """A text may be hidden twice without a change."""
    redactor = Redactor("inc-1")

    assert redactor.hide(redactor.hide(LINE)) == redactor.hide(LINE)


def test_mask_forged_in_a_log_line_reveals_nothing() -> None:
    """A mask written into a log comes back as it was written, and never as a real name."""
    redactor = Redactor("inc-1")
    forged = redactor.hide("from 10.1.2.3").removeprefix("from ").replace("ip", "host")

    hidden = Redactor("inc-1").hide(f"ask {forged}")

    assert forged not in hidden
    assert redactor.reveal("ask <ip-000000>") == "ask <ip-000000>"


def test_json_is_hidden_by_value_and_by_field() -> None:
    """A field named like a user or a host is masked whole, and its JSON stays JSON."""
    redactor = Redactor("inc-1")
    fields = {
        "user_id": "ada",
        "host": "web-7",
        "lines": ["a\n10.1.2.3 said no"],
        "n": 3,
        "errors": {"no route to 10.1.2.3": 2},
    }

    hidden = redactor.hide_json(fields)

    assert not re.search(r"ada|web-7|10\.1", json.dumps(hidden))
    assert redactor.reveal_json(hidden) == fields


@pytest.mark.parametrize(
    "text",
    [
        "java.io.IOException at com.acme.shop.Cart.total(Cart.java:12)",
        "github.com/acme/shop/cart.go:17 +0x1a",
        "django.db.utils.OperationalError in app/models.py:9",
        "connecting to 127.0.0.1 and localhost",
        "12:34:56.789 took 0.1.2 s with v1.2.3",
        "std::vector and Abc::Def",
        "user: null, host is down",
        "celery.app imported, node = next_one, logging.info is off",
    ],
)
def test_code_that_looks_like_a_name_stays(text: str) -> None:
    """A model reasons on frames and packages, so they are left alone."""
    assert Redactor("inc-1").hide(text) == text


def test_placeholder_in_a_field_does_not_leave_the_name_beside_it() -> None:
    """A user's name next to a redacted address is masked all the same."""
    hidden = Redactor("inc-1").hide_json({"user_id": "ada.lovelace [cut: e-mail]"})

    assert "lovelace" not in str(hidden)
