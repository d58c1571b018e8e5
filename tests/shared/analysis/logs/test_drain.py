"""Drain: log templates."""

from shared.analysis.logs.drain import Drain


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
        "POST <*> 5xx <*> ms - <*>",
        '[GIN] | 5xx | <*>ms | POST "/pay"',
    ]


def test_words_that_vary_become_variable():
    """Lines that differ in one word share a template with a gap."""
    assert set(templates("login of user alice failed", "login of user bob failed")) == {"login of user <*> failed"}


def test_lines_with_different_words_stay_separate():
    """Lines of the same length are not the same template."""
    assert len(set(templates("cannot reach payment service", "cache is warm now"))) == 2
