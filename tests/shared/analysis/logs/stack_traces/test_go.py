"""Go panics and goroutine dumps from logs."""

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
