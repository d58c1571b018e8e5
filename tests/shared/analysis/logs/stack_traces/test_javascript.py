"""JavaScript and TypeScript stack traces from logs."""

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.stack_traces import javascript

NODE = """TypeError: Cannot read properties of undefined (reading 'price')
    at computeTotal (/app/src/cart.js:14:23)
    at async Promise.all (index 0)
    at async OrderService.place (file:///app/src/service.ts:33:5)
    at Layer.handle [as handle_request] (/app/node_modules/express/lib/router/layer.js:95:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)"""


def test_own_files_are_distinguished_from_modules_and_the_runtime():
    """node_modules and node: are not the service's code; file URLs are plain paths."""
    (trace,) = javascript.parse(NODE)

    assert str(trace.raised) == "TypeError: Cannot read properties of undefined (reading 'price')"
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == [
        ("/app/src/service.ts", 33),
        ("/app/src/cart.js", 14),
    ]


def test_error_leads_when_its_cause_has_no_own_code():
    """A cause in the runtime is kept in `others`; the error that passed through own code leads."""
    text = (
        NODE
        + """ {
  [cause]: Error: connect ECONNREFUSED 10.0.0.5:5432
      at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1595:16) {
    code: 'ECONNREFUSED'
  }
}"""
    )

    (trace,) = javascript.parse(text)

    assert trace.raised.type == "TypeError"
    assert [str(one) for one in trace.others] == ["Error: connect ECONNREFUSED 10.0.0.5:5432"]


def test_uncaught_error_is_found_below_its_source_excerpt():
    """Node prints the source first; the code in brackets is not part of the type."""
    text = """/app/index.js:3
    throw new AppError('x');
    ^

AppError [ERR_X]: boom happened
    at Object.<anonymous> (/app/index.js:3:11)

Node.js v18.0.0"""

    (trace,) = javascript.parse(text)

    assert (trace.raised.type, trace.raised.message) == ("AppError", "boom happened")


def test_bundled_sources_lose_their_scheme_and_query():
    """Paths from bundlers and browsers become paths in the repository."""
    text = "Error: x\n    at f (webpack:///./src/a.ts?9f3b:1:2)\n    at g (https://shop.example/static/b.js:3:4)"

    (trace,) = javascript.parse(text)

    assert [one.path for one in trace.raised.frames] == ["static/b.js", "src/a.ts"]


SHAPES: list[tuple[str, str, str, list[tuple[str, int | None]]]] = [
    (
        (
            "/app/src/basket.js:41\n  const price = ;\n                ^\n\nSyntaxError: Unexpected token ';'\n"
            "    at wrapSafe (node:internal/modules/cjs/loader:1378:20)"
        ),
        "SyntaxError",
        "Unexpected token ';'",
        [("/app/src/basket.js", 41)],
    ),
    (
        (
            "Error: cannot serve\n    at serve (/app/api.js:9:9) {\n  [cause]: Error: cannot price\n"
            "      at price (/app/price.js:5:9)\n"
            "      ... 2 lines matching cause stack trace ...\n      at serve (/app/api.js:8:3) {\n"
            "    [cause]: DatabaseError: no table\n        at query (/app/db.js:30:11)\n  }\n}"
        ),
        "DatabaseError",
        "no table",
        [("/app/db.js", 30)],
    ),
    (
        (
            "AggregateError [ECONNREFUSED]: \n    at connectMultiple (node:net:1118:18) {\n  [errors]: [\n"
            "    Error: connect ECONNREFUSED ::1:5432\n        at connect (/app/db.js:14:14) {\n"
            "      errno: -111\n    }\n  ]\n}"
        ),
        "Error",
        "connect ECONNREFUSED ::1:5432",
        [("/app/db.js", 14)],
    ),
    (
        (
            "TypeError: no id\n    at price (webpack:///./src/prices.ts?:31:18)\n"
            "    at total (webpack://shop/./src/basket.ts:41:10)\n"
            "    at eval (webpack-internal:///(rsc)/./src/app/(shop)/page.tsx:22:9)"
        ),
        "TypeError",
        "no id",
        [("src/app/(shop)/page.tsx", 22), ("src/basket.ts", 41), ("src/prices.ts", 31)],
    ),
    (
        (
            "(node:12) UnhandledPromiseRejectionWarning: ValidationError: price is required\n"
            "    at check (/app/basket.js:55:20)"
        ),
        "ValidationError",
        "price is required",
        [("/app/basket.js", 55)],
    ),
    ("NoPrice: item 7\n    at total (/app/bin/www:41:11)", "NoPrice", "item 7", [("/app/bin/www", 41)]),
]


@pytest.mark.parametrize(("text", "type_", "message", "own"), SHAPES)
def test_error_of_each_shape_is_read(text: str, type_: str, message: str, own: list[tuple[str, int | None]]) -> None:
    """Modules that cannot be parsed, causes within causes, aggregates, source maps, rejections, own types."""
    (trace,) = stack_traces.parse(text)

    assert (trace.language, trace.raised.type, trace.raised.message) == ("javascript", type_, message)
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == own
