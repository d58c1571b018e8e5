"""Which frames are the repository's code."""

from datetime import UTC, datetime

import pytest

from shared.analysis.code.paths import Tree
from shared.analysis.code.places.frames import own_frames
from shared.contracts import Frame, Language, StackTrace

AT = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
TREE = Tree(
    [
        "src/shop/cart.py",
        "src/shop/six.py",
        "cart/total.go",
        "internal/store.go",
        "vendor/github.com/lib/pq/conn.go",
        "packages/money/package.json",
        "packages/money/src/add.ts",
        "web/index.js",
        "shop.gemspec",
        "lib/shop/order.rb",
        "src/main/java/org/acme/shop/Cart.java",
        "src/main/java/org/acme/shop/Money.java",
        "tests/test_cart.py",
    ],
    "checkout",
    "acme/shop",
)


def own(language: Language, *frames: tuple[str, bool], exception_type: str = "Boom", functions: str = "") -> list[str]:
    """Return the paths of the own frames; each frame is given with whether its path looks like the service's own."""
    listed = [Frame(path=path, line=3, function=functions, in_app=in_app) for path, in_app in frames]
    trace = StackTrace(language=language, exception_type=exception_type, frames=listed, first_seen=AT, last_seen=AT)
    return [frame.path for frame in own_frames(trace, TREE)]


@pytest.mark.parametrize(
    ("language", "path"),
    [
        ("python", "/usr/lib/python3.11/site-packages/shop/cart.py"),
        ("python", "/srv/shop-1.2-py3.8.egg/shop/cart.py"),
        ("go", "/go/pkg/mod/github.com/acme/shop@v1.2.3/cart/total.go"),
        ("go", "/home/ada/go/src/github.com/acme/shop/cart/total.go"),
        ("javascript", "/app/node_modules/@acme/money/dist/add.js"),
        ("ruby", "/usr/local/bundle/gems/shop-1.0.2/lib/shop/order.rb"),
        ("java", "org/acme/shop/Cart.java"),
    ],
)
def test_own_code_is_own_wherever_it_is_installed(language: Language, path: str) -> None:
    """The repository has the package and the file, so the frame is its own, whatever the path looks like."""
    assert own(language, (path, False)) == [path]


@pytest.mark.parametrize(
    ("language", "path"),
    [
        ("python", "/usr/lib/python3.11/site-packages/six.py"),
        ("python", "/usr/lib/python3.11/site-packages/billing/cart.py"),
        ("go", "/go/pkg/mod/github.com/other/lib@v1.2.3/cart/total.go"),
        ("go", "/src/vendor/github.com/lib/pq/conn.go"),
        ("javascript", "/app/node_modules/express/index.js"),
        ("ruby", "/usr/local/bundle/gems/rack-3.0/lib/shop/order.rb"),
        ("java", "com/other/Cart.java"),
    ],
)
def test_code_of_others_is_not_own(language: Language, path: str) -> None:
    """A file of the same name, or a vendored one, does not make a package the repository's."""
    assert own(language, (path, False)) == []


def test_caller_of_what_raises_on_purpose_comes_first() -> None:
    """Where the JVM did not raise by itself, what the raising class was called with is at fault."""
    frames = (("org/acme/shop/Cart.java", True), ("org/acme/shop/Money.java", True))

    assert own("java", *frames, exception_type="org.acme.TooMuchException")[0] == "org/acme/shop/Cart.java"
    assert own("java", *frames, exception_type="java.lang.NullPointerException")[0] == "org/acme/shop/Money.java"


def test_tests_come_last() -> None:
    """A test shows where the failure was seen."""
    frames = (("/app/src/shop/cart.py", True), ("/app/tests/test_cart.py", True))

    assert own("python", *frames) == ["/app/src/shop/cart.py", "/app/tests/test_cart.py"]
