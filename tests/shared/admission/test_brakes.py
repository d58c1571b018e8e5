"""Slots of any hour: never more than the bound, and the last ones for what was held."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import clock
from shared.admission.brakes import Brake, brakes_of, take_all, take_mail
from shared.admission.daily_spend import DailyCeiling, reserve
from shared.admission.settings import BrakeSettings
from shared.traces.embedded import EmbeddedTraces

BRAKE = Brake("INVESTIGATIONS_PER_HOUR", "investigations", 10, 2)


def test_of_a_storm_exactly_the_bound_passes(store: EmbeddedTraces) -> None:
    """Forty at the same moment: eight pass, and of what is held two more."""
    with ThreadPoolExecutor(20) as pool:
        stopped = list(pool.map(lambda n: take_all(store, (BRAKE,), f"inc-{n}", is_held=False), range(40)))

    assert stopped.count(None) == 8
    assert [take_all(store, (BRAKE,), f"inc-held-{n}", is_held=True) for n in range(3)] == [None, None, BRAKE]


def test_second_attempt_takes_no_second_slot(store: EmbeddedTraces) -> None:
    """A message delivered again finds the slot it has."""
    for _ in range(5):
        assert take_all(store, (BRAKE,), "inc-1", is_held=False) is None

    assert [take_all(store, (BRAKE,), f"inc-other-{n}", is_held=False) for n in range(8)].count(None) == 7


def test_slots_are_free_after_an_hour(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each an hour after it was taken, not at the full hour."""
    one = Brake("X", "x", 1)
    assert take_all(store, (one,), "inc-1", is_held=True) is None
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=59))
    assert take_all(store, (one,), "inc-2", is_held=True) == one
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=61))

    assert take_all(store, (one,), "inc-2", is_held=True) is None


def test_brake_that_stops_gives_back_what_others_gave(store: EmbeddedTraces) -> None:
    """An alert that one brake stops uses up no other."""
    settings = BrakeSettings(investigations_per_service_per_hour=1)
    assert take_all(store, brakes_of("checkout", settings), "inc-1", is_held=False) is None
    stopped = take_all(store, brakes_of("checkout", settings), "inc-2", is_held=False)

    assert stopped is not None
    assert stopped.setting == "INVESTIGATIONS_PER_SERVICE_PER_HOUR"
    others = [take_all(store, brakes_of(f"service-{n}", settings), f"inc-x{n}", is_held=False) for n in range(60)]
    assert others.count(None) == settings.investigations_per_hour * 5 // 6 - 1


def test_messages_have_slots_that_no_brief_takes(store: EmbeddedTraces) -> None:
    """The list of what is held finds one, however many briefs and updates there were."""
    settings = BrakeSettings(investigations_per_hour=500, mails_per_recipient_per_hour=6)
    briefs = [take_all(store, brakes_of(f"s{n}", settings), f"inc-{n}", is_held=True) for n in range(20)]

    assert briefs.count(None) == 4
    assert [take_mail(store, f"update-{n}", settings, is_list=False) for n in range(2)] == [True, False]
    assert [take_mail(store, f"list-{n}", settings, is_list=True) for n in range(2)] == [True, False]


@given(usd=st.floats(0.05, 5000), cost=st.floats(0, 50))
def test_reserved_parts_cover_what_is_spent_and_never_exceed_the_day(usd: float, cost: float) -> None:
    """All parts together are the ceiling, and those of an incident are worth more than it has spent."""
    ceiling = DailyCeiling(model_max_cost_usd_per_day=usd)

    assert ceiling.parts * 0.05 <= usd * 1.000001
    assert usd < (ceiling.parts + 1) * 0.05
    assert ceiling.parts_of(cost) * usd / ceiling.parts >= cost * 0.999999
    assert (ceiling.parts_of(cost) - 1) * usd / ceiling.parts <= cost * 1.000001


def test_cheap_incidents_use_up_no_high_ceiling(store: EmbeddedTraces) -> None:
    """Five cents each: the five hundred incidents of a bad day are far below 1,000 dollars."""
    ceiling = DailyCeiling(model_max_cost_usd_per_day=1000)

    assert all(reserve(store, f"inc-{n}", range(1), ceiling) for n in range(500))


def test_day_gives_out_no_more_than_its_parts(store: EmbeddedTraces) -> None:
    """Of a dollar in twenty parts, twenty incidents get one at most."""
    ceiling = DailyCeiling(model_max_cost_usd_per_day=1)
    reserved = [reserve(store, f"inc-{n}", range(1), ceiling) for n in range(60)]

    assert reserved.count(True) == ceiling.parts == 20
    assert reserve(store, "inc-0", range(1), ceiling)
    assert not reserve(store, "inc-0", range(2), ceiling)
    assert not reserve(store, "inc-0", range(1), DailyCeiling(model_max_cost_usd_per_day=0))
