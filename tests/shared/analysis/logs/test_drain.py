"""Drain: log templates."""

import random

import pytest

from shared.analysis.logs.drain import MAX_EVENTS, MAX_SHAPES, Drain


def templates(*lines: str) -> list[str]:
    """Return the final template of each line."""
    drain = Drain()
    clusters = [drain.add(line) for line in lines]
    return [cluster.template for cluster in clusters]


def test_numbers_ids_addresses_and_paths_are_variable():
    """Values that usually differ from line to line are masked before comparing."""
    lines = (
        "job 17 of 10.0.0.1:80 took 1.5 for 0x1f in /var/lib/a/17.log",
        "job 9 of 10.0.0.2:81 took 22 for 0xff in /var/lib/b/9.log",
        "user 123e4567-e89b-12d3-a456-426614174000 commit 8f3a2b1c9d",
    )

    assert templates(*lines) == [
        "job <*> of <*> took <*> for <*> in <*>",
        "job <*> of <*> took <*> for <*> in <*>",
        "user <*> commit <*>",
    ]


def test_server_errors_are_distinguished_from_other_responses():
    """A 5xx status stays in the template, so it never shares a template with other responses."""
    lines = (
        '10.0.0.1 "POST /pay HTTP/1.1" 200 17',
        '10.0.0.2 "POST /pay HTTP/1.1" 500 12',
        '10.0.0.3 "POST /pay HTTP/1.1" 503 12',
        '10.0.0.3 "POST /pay HTTP/1.1" 404 500',
        "done path=/pay status=502 ms=500",
        "done path=/pay status=201 ms=500",
        "POST /pay/17/items/3 500 12.5 ms - 20",
        '[GIN] | 502 | 1.2ms | POST "/pay"',
    )

    assert templates(*lines) == [
        '<*> "POST /pay HTTP/<*>" <*> <*>',
        '<*> "POST /pay HTTP/<*>" 5xx <*>',
        '<*> "POST /pay HTTP/<*>" 5xx <*>',
        '<*> "POST /pay HTTP/<*>" <*> <*>',
        "done path=/pay status=5xx ms=<*>",
        "done path=/pay status=<*> ms=<*>",
        "POST <*> 5xx <*> - <*>",
        '[GIN] | 5xx | <*> | POST "/pay"',
    ]


def test_few_words_at_one_place_are_different_events():
    """What succeeded and what failed are separate templates, however alike the lines are."""
    lines = (
        "payment of 17 EUR by card accepted",
        "payment of 9 EUR by card refused",
        "payment of 3 EUR by card refused",
    )

    assert templates(*lines) == [
        "payment of <*> EUR by card accepted",
        "payment of <*> EUR by card refused",
        "payment of <*> EUR by card refused",
    ]


def test_many_words_at_one_place_are_a_name():
    """From the fifth on they are one event, also those that were counted apart before."""
    names = ["alice", "bob", "carol", "dave", "erin", "frank"]

    assert set(templates(*(f"login of user {name} failed" for name in names))) == {"login of user <*> failed"}
    assert len(set(templates(*(f"login of user {name} failed" for name in names[:4])))) == 4


def test_value_that_is_no_word_is_variable_at_once():
    """Two are enough: what holds digits is no event."""
    assert set(templates("loaded plugin v2beta ok", "loaded plugin v3rc ok")) == {"loaded plugin <*> ok"}


def test_word_and_its_number_names_an_event():
    """A plain word keeps its meaning without the number behind it; a longer name with digits is a value."""
    lines = ("link up on eth0 now", "link up on wlan1 now", "link up on wlan2 now")

    assert set(templates(*lines)) == {"link up on eth<*> now", "link up on wlan<*> now"}
    assert set(templates("no answer from web-a1 yet", "no answer from web-b2 yet")) == {"no answer from <*> yet"}


def test_place_with_a_value_among_its_words_is_variable():
    """A number where words alternate shows that the words are values too."""
    lines = ("the state is now idle", "the state is now busy", "the state is now 17", "the state is now idle")

    assert set(templates(*lines)) == {"the state is now <*>"}


def test_value_of_a_field_is_variable_at_once_and_keeps_its_name():
    """Two users are one event, whatever stands around the field; a value that never varies stays."""
    lines = ("login ok (user=ann), from=web", "login ok (user=ben), from=web", "login ok (user=), from=web")

    assert set(templates(*lines)) == {"login ok (user=<*>), from=web"}
    assert templates(lines[0]) == [lines[0]]


def test_lines_whose_fields_all_vary_are_one_event():
    """Names of fields count as alike, so that values do not hide the event."""
    lines = [f"user={name} shop={name} plan={name} done" for name in ("ann", "ben", "cleo")]

    assert set(templates(*lines)) == {"user=<*> shop=<*> plan=<*> done"}


@pytest.mark.parametrize("field", ["level", "event", "reason", "error.type"])
def test_fields_that_say_what_happened_distinguish_events(field: str):
    """Their values are few words with meaning, no parameters."""
    lines = (f"at work user=ann {field}=started", f"at work user=ben {field}=stopped")

    assert templates(*lines) == [f"at work user=<*> {field}=started", f"at work user=<*> {field}=stopped"]


def test_event_that_varies_in_many_places_stays_bounded():
    """Of many places with few words each, those with the most words become names."""
    words = ["one", "two", "three", "four"]
    drain = Drain()
    clusters = [
        drain.add(f"the job that ran on host {a} for {b} with {c} in {d} has ended")
        for a in words for b in words for c in words for d in words
    ]  # fmt: skip

    assert len({cluster.root.key for cluster in clusters}) <= MAX_EVENTS


def test_clusters_that_become_one_lead_to_the_same_root():
    """Whoever holds an early cluster finds the final one."""
    drain = Drain()
    clusters = [drain.add(f"the room was left by {name} now") for name in ("ann", "ben", "cleo", "dan", "eve")]

    assert len({cluster.key for cluster in clusters}) == 4
    assert {cluster.root.template for cluster in clusters} == {"the room was left by <*> now"}


def test_lines_with_different_words_stay_separate():
    """Lines of the same length are not the same template."""
    assert len(set(templates("cannot reach payment service", "cache is warm now"))) == 2


def test_what_every_line_holds_does_not_make_events_alike():
    """A frame of level, class and ids is half of the line; the event is in the other half."""
    frame = "INFO shop.Service TraceID: 17 SpanID: 4"
    events = (
        "cart of guest is empty",
        "payment by card was accepted",
        "order has left our stock",
        "mail could not be sent",
        "stock runs low in store",
        "user asks for another invoice",
    )

    assert templates(*(f"{frame} {event}" for event in events)) == [
        f"INFO shop.Service TraceID: <*> SpanID: <*> {event}" for event in events
    ]


@pytest.mark.parametrize("prefix", ["", "ERROR failed to do "])
def test_work_for_lines_that_are_all_different_is_bounded(prefix: str):
    """Each is compared with a limited number of shapes, however many there were: twice the lines, twice the work."""
    random_words = random.Random(1)
    drain, counts = Drain(), []
    for _ in range(2):
        for _ in range(2_000):
            drain.add(prefix + " ".join("".join(random_words.choices("abcdefgh", k=6)) for _ in range(12)))
        counts.append(drain.comparisons)

    assert counts[0] <= 2_000 * MAX_SHAPES
    assert counts[1] <= 4_000 * MAX_SHAPES


def test_templates_depend_on_the_lines_alone():
    """The same lines give the same templates, in any process."""
    lines = [f"step {name} of {count} took {count} ms" for count, name in enumerate("abcdefgh" * 3)]

    assert templates(*lines) == templates(*lines)
