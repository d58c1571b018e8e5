"""JavaScript and TypeScript stack traces from logs."""

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
