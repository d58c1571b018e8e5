"""Why a proxy's upstream failed, by the code in its access line."""

import pytest

from shared.analysis.faults import matching
from shared.analysis.faults.proxy_flags import reason_of

ENVOY = (
    '"POST /orders HTTP/1.1" {status} {flags} {details} - "-" 0 91 2001 - "-" "okhttp/4.9" outbound|8080||orders.shop'
)
HAPROXY = "10.0.0.9:5131 [04/May/2026:02:41:00.114] fe be_pay/pay1 0/0/-1/-1/3001 503 217 - - {state} 14/14/3/1/3 0/0"
ALB = (
    'http 2026-05-04T02:41:00.186641Z app/lb/50dc 10.0.0.9:28 10.0.0.4:80 0.000 -1 -1 502 - 34 366 "GET / HTTP/1.1" '
    "arn:aws:elasticloadbalancing:r:1:targetgroup/pay-tg/73 "
)


@pytest.mark.parametrize(
    ("text", "fault", "stated"),
    [
        (ENVOY.format(status=503, flags="UF,URX", details="x"), "connection failed",
         "UF upstream connection failure, URX upstream retry limit reached"),
        (ENVOY.format(status=503, flags="UH", details="x"), "no instance available", "UH no healthy upstream host"),
        (ENVOY.format(status=504, flags="UT", details="x"), "timed out", "UT upstream request timeout"),
        (ENVOY.format(status=503, flags="DF", details="x"), "name resolution failed", "DF DNS resolution failed"),
        (ENVOY.format(status=0, flags="UC", details="x"), "connection failed", "UC upstream connection termination"),
        ('{"response_code":503,"response_flags":"UO","path":"/a"}', "connection pool exhausted", "circuit breaker"),
        (HAPROXY.format(state="SC--"), "connection failed", "termination state SC--: the server aborted or refused"),
        (HAPROXY.format(state="sH--"), "timed out", "timeout of the server expired while waiting for the response"),
        (HAPROXY.format(state="sQ--"), "connection pool exhausted", "while queued"),
        (ALB, "connection failed", "502 of the load balancer"),
        ('{"jsonPayload":{"statusDetails":"backend_timeout"}}', "timed out", "statusDetails: backend_timeout"),
    ],
)  # fmt: skip
def test_code_in_an_access_line_names_the_fault_with_its_meaning(text: str, fault: str, stated: str) -> None:
    """The signal leads, whatever other words the line has."""
    signal = matching.find(text)[0]

    assert signal.rule.name == fault
    assert stated in signal.detail
    assert signal.quote in text


@pytest.mark.parametrize(
    "text",
    [
        ENVOY.format(status=200, flags="-", details="via_upstream"),
        ENVOY.format(status=503, flags="-", details="via_upstream"),
        ENVOY.format(status=0, flags="DC", details="downstream_remote_disconnect"),
        ENVOY.format(status=503, flags="XYZ", details="x"),
        HAPROXY.format(state="----"),
        HAPROXY.format(state="CD--"),
        '"GET /a HTTP/1.1" 404 UF-8 x',
        'GET /a 503 UH',
        '{"statusDetails":"response_sent_by_backend"}',
    ],
)  # fmt: skip
def test_line_without_a_code_for_the_upstream_states_no_reason(text: str) -> None:
    """A client that went away, and an answer of the upstream itself, are no failure to reach it."""
    assert reason_of(text) is None


def test_target_is_the_upstream_and_not_the_proxy() -> None:
    """The line of nginx names the server that was asked, the host of the request and the upstream."""
    text = (
        "connect() failed (111: Connection refused) while connecting to upstream, client: 10.0.0.9, server: shop, "
        'request: "GET /pay HTTP/1.1", upstream: "http://10.0.0.4:9000/pay", host: "shop.example.com"'
    )

    assert matching.find(text)[0].target == "10.0.0.4:9000"
    assert matching.find(ALB)[0].target == "pay-tg"
    assert matching.find(HAPROXY.format(state="SC--"))[0].target == "be_pay/pay1"
