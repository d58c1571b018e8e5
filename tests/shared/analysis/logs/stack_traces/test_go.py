"""Go panics and goroutine dumps from logs."""

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.stack_traces import go

SERVED = """2031/05/01 10:00:00 http: panic serving 10.0.0.1:53412: assignment to entry in nil map
goroutine 19 [running]:
net/http.(*conn).serve.func1()
	/usr/local/go/src/net/http/server.go:1868 +0xb9
panic({0x6a5b40?, 0x7a0d50?})
	/usr/local/go/src/runtime/panic.go:920 +0x270
example.org/shop/internal/cart.(*Cart).Add(...)
	/src/internal/cart/cart.go:31
example.org/shop/internal/api.(*API).Post(0xc00011a000, {0x7a5f48, 0xc00019e000}, 0xc000192000)
	/src/internal/api/api.go:77 +0x125
github.com/gorilla/mux.(*Router).ServeHTTP(0xc0001c4000, {0x6f2a20, 0xc0000c8000}, 0xc0000d2000)
	/go/pkg/mod/github.com/gorilla/mux@v1.8.0/mux.go:210 +0x1c5
created by net/http.(*Server).Serve in goroutine 1
	/usr/local/go/src/net/http/server.go:3086 +0x5cb"""


def test_frames_start_where_the_panic_was_raised():
    """The frames of the handler that recovered the panic are left out."""
    (trace,) = go.parse(SERVED)

    assert (trace.raised.type, trace.raised.message) == ("panic", "assignment to entry in nil map")
    assert [(one.path, one.line, one.in_app) for one in trace.raised.frames] == [
        ("/go/pkg/mod/github.com/gorilla/mux@v1.8.0/mux.go", 210, False),
        ("/src/internal/api/api.go", 77, True),
        ("/src/internal/cart/cart.go", 31, True),
    ]


def test_only_the_goroutine_that_failed_is_read():
    """The waiting goroutines of a dump are left out, and runtime errors are named as such."""
    text = """panic: runtime error: index out of range [5] with length 3

goroutine 34 [running]:
main.pick(0x5)
	/app/pick.go:42 +0x1d

goroutine 1 [IO wait]:
main.wait(0x7f)
	/app/wait.go:3 +0x85
exit status 2"""

    (trace,) = go.parse(text)

    assert str(trace.raised) == "runtime error: index out of range [5] with length 3"
    assert [one.path for one in trace.raised.frames] == ["/app/pick.go"]


def test_stack_from_a_logger_takes_the_line_before_as_message():
    """Loggers and error packages write stacks without a panic."""
    text = "order failed\nmain.(*Shop).Do\n\t/app/shop/do.go:12\nmain.main\n\t/app/main.go:9"

    (trace,) = go.parse(text)

    assert (trace.raised.message, trace.raised.frames[-1].function) == ("order failed", "main.(*Shop).Do")


STACK = "shop/basket.Total(0x0)\n\t/app/basket.go:41 +0x1c\nmain.main()\n\t/app/main.go:12 +0x25"
OWN: list[tuple[str, int | None]] = [("/app/main.go", 12), ("/app/basket.go", 41)]
SHAPES: list[tuple[str, str, str, list[tuple[str, int | None]]]] = [
    (
        (
            'E0504 02:44:20.123456       1 runtime.go:79] Observed a panic: "invalid memory address" '
            f"(runtime error: invalid memory address)\ngoroutine 78 [running]:\npanic({{0x1, 0x2}})\n"
            f"\t/usr/local/go/src/runtime/panic.go:884 +0x2\n{STACK}"
        ),
        "runtime error",
        "invalid memory address",
        OWN,
    ),
    (
        (
            'E0504 02:44:20.123456       1 panic.go:262] "Observed a panic" panic="entry in '
            '\\"nil\\" map" stacktrace=<\n'
            "\tgoroutine 91 [running]:\n\tshop/cache.put(...)\n\t\t/app/cache.go:22\n >"
        ),
        "panic",
        'entry in "nil" map',
        [("/app/cache.go", 22)],
    ),
    (
        (
            f"panic: main.NoPrice{{Item:7}} [recovered, repanicked]\n\n"
            f"goroutine 18 gp=0xc000007c00 m=4 mp=0xc000100008 [running]:\n{STACK}"
        ),
        "panic",
        "main.NoPrice{Item:7}",
        OWN,
    ),
    (
        (
            "[GIN] 2031/05/04 - 02:44:20 panic recovered:\nPOST /orders HTTP/1.1\nHost: shop.example.com\n\n"
            "runtime error: index out of range [3] with length 3\n/app/pick.go:9 (0x6f1a3c)\n\tpick: return items[n]\n"
            "/go/pkg/mod/github.com/gin-gonic/gin@v1.9.1/context.go:174 (0x6ea1b9)\n\t(*Context).Next: c.Next()"
        ),
        "runtime error",
        "index out of range [3] with length 3",
        [("/app/pick.go", 9)],
    ),
    (
        (
            "2031-05-04T02:44:20.123Z\tERROR\tbasket/total.go:41\trequest failed\nshop/basket.Total\n"
            "\t/app/total.go:41\n"
            "net/http.HandlerFunc.ServeHTTP\n\t/usr/local/go/src/net/http/server.go:2136"
        ),
        "error",
        "2031-05-04T02:44:20.123Z\tERROR\tbasket/total.go:41\trequest failed",
        [("/app/total.go", 41)],
    ),
]


@pytest.mark.parametrize(("text", "type_", "message", "own"), SHAPES)
def test_panic_of_each_shape_is_read(text: str, type_: str, message: str, own: list[tuple[str, int | None]]) -> None:
    """Recovered by Kubernetes' and Gin's handlers, raised again, and stacks that loggers write without a panic."""
    (trace,) = stack_traces.parse(text)

    assert (trace.language, trace.raised.type, trace.raised.message) == ("go", type_, message)
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == own
