"""Signs of known faults in messages."""

import pytest

from shared.analysis.faults import matching


@pytest.mark.parametrize(
    ("text", "name", "target"),
    [
        ("dial tcp 10.0.0.5:5432: connect: connection refused", "connection refused", "10.0.0.5:5432"),
        ("Error: getaddrinfo ENOTFOUND payments.internal", "name resolution failed", "payments.internal"),
        ("java.net.UnknownHostException: stock", "name resolution failed", "stock"),
        ("HTTPConnectionPool(host='tax', port=80): Read timed out.", "timed out", "tax"),
        ("java.lang.OutOfMemoryError: Java heap space", "out of memory", ""),
        ("OSError: [Errno 28] No space left on device: '/var/x'", "disk full", ""),
        ("accept: too many open files", "too many open files", ""),
        ("QueuePool limit of size 5 overflow 10 reached", "connection pool exhausted", ""),
        ("    key = os.environ['STRIPE_API_KEY']\nKeyError: 'STRIPE_API_KEY'", "missing configuration", ""),
        (
            '"GET /a HTTP/1.1" 503 UF,URX connection_failure "orders" outbound|8080||orders.shop.svc.cluster.local',
            "connection failed",
            "orders.shop.svc.cluster.local",
        ),
        ("environment variable DATABASE_URL is not set", "missing configuration", ""),
        ("PermissionError: [Errno 13] Permission denied: '/etc/x'", "permission denied", ""),
        ('psycopg2.errors.UndefinedTable: relation "orders" does not exist', "schema mismatch", ""),
        ("ModuleNotFoundError: No module named 'yaml'", "module missing", ""),
        ("x509: certificate has expired or is not yet valid", "certificate rejected", ""),
        ("IllegalStateException: No instances available for stock-service", "no instance available", "stock-service"),
    ],
)
def test_fault_is_named_with_its_target(text, name, target):
    """Messages of many runtimes and drivers name a fault in known words."""
    match = matching.find(text)[0]

    assert (match.rule.name, match.target) == (name, target)
    assert match.quote in text


@pytest.mark.parametrize(
    "text",
    [
        "TypeError: Cannot read properties of undefined (reading 'key')",
        "KeyError: 'queue_name'",
        "    total = row['ORDER_TOTAL']\nKeyError: 'ORDER_TOTAL'",
        "    at java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)",
        "ValueError: not enough values to unpack (expected 3, got 0)",
        "missing 1 required positional argument: 'send'",
        "AttributeError: 'NoneType' object has no attribute 'strip'",
        "GET /orders/503 200",
    ],
)
def test_ordinary_bugs_are_not_signs_of_other_faults(text):
    """A bug in the code is not taken for configuration, resources or a dependency."""
    assert matching.find(text) == []


def test_quote_of_a_very_long_line_is_short_and_verbatim():
    """A quote is the part of the line around the sign."""
    text = "x" * 5000 + " connection refused " + "y" * 5000

    quote = matching.find(text)[0].quote

    assert quote in text
    assert "connection refused" in quote
    assert len(quote) <= 220
