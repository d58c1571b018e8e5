"""Matching of a frame to a file of the repository."""

import pytest

from shared.analysis.code.paths import Tree, is_documentation, is_test
from shared.contracts import Frame

PATHS = [
    "README.md",
    "src/shop/cart.py",
    "src/shop/util.py",
    "src/billing/util.py",
    "src/shop/__init__.py",
    "services/orders/main.py",
    "services/checkout/main.py",
    "cmd/api/main.go",
    "internal/store/store.go",
    "app/models/user.rb",
    "web/src/routes/pay.ts",
    "web/src/index.js",
    "core/src/main/java/org/shop/cart/Cart.java",
    "legacy/src/main/java/org/old/Cart.java",
    "core/src/main/kotlin/org/shop/Pay.kt",
    "Api/Controllers/PayController.cs",
    "vendor/shop/cart.py",
]


def matched(path: str, function: str = "", service: str = "") -> tuple[str, ...]:
    """Return the files that the frame may mean."""
    return Tree(PATHS, service).match(Frame(path=path, function=function)).paths


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/app/src/shop/cart.py", "src/shop/cart.py"),
        ("/workspace/shop/cart.py", "src/shop/cart.py"),
        ("/srv/www/current/app/models/user.rb", "app/models/user.rb"),
        ("/go/src/github.com/acme/shop/internal/store/store.go", "internal/store/store.go"),
        ("github.com/acme/shop/cmd/api/main.go", "cmd/api/main.go"),
        ("webpack:///./src/index.js?1f2e", "web/src/index.js"),
        ("webpack-internal:///(rsc)/./src/index.js", "web/src/index.js"),
        ("file:///app/web/src/index.js", "web/src/index.js"),
        ("https://shop.example/static/src/index.js", "web/src/index.js"),
        (r"C:\build\Api\Controllers\PayController.cs", "Api/Controllers/PayController.cs"),
        ("org/shop/cart/Cart.java", "core/src/main/java/org/shop/cart/Cart.java"),
        ("/var/task/cart.py", "src/shop/cart.py"),
    ],
)
def test_frame_is_matched_by_the_end_of_its_path(path: str, expected: str) -> None:
    """Deployment folders, schemes and import paths at the start do not matter."""
    assert matched(path) == (expected,)


def test_bare_java_file_is_found_by_the_package_of_its_class() -> None:
    """A JVM frame that names only a file is matched by its class."""
    assert matched("Cart.java", "org.shop.cart.Cart.total") == ("core/src/main/java/org/shop/cart/Cart.java",)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/app/web/dist/routes/pay.js", "web/src/routes/pay.ts"),
        ("org/shop/Pay.java", "core/src/main/kotlin/org/shop/Pay.kt"),
    ],
)
def test_compiled_file_leads_to_its_source(path: str, expected: str) -> None:
    """A compiled file leads to its source, and its line numbers are marked as inexact."""
    match = Tree(PATHS).match(Frame(path=path))

    assert match.paths == (expected,)
    assert not match.exact


def test_equal_candidates_are_all_returned() -> None:
    """An ambiguous name is not resolved by a guess."""
    assert matched("/app/util.py") == ("src/billing/util.py", "src/shop/util.py")


def test_service_name_decides_between_equal_candidates() -> None:
    """In a repository of many services, the service's own folder is chosen."""
    assert matched("/app/main.py", service="checkout") == ("services/checkout/main.py",)


@pytest.mark.parametrize("path", ["<string>", "", "/usr/lib/python3.11/threading.py", "native"])
def test_frame_from_outside_the_repository_matches_nothing(path: str) -> None:
    """A file that the repository does not have gives no match."""
    assert matched(path or "<frozen>") == ()


def test_module_is_found_by_its_dotted_name() -> None:
    """Modules, packages and classes are files; an ambiguous or missing name gives None."""
    tree = Tree(PATHS)

    assert tree.module("billing.util") == "src/billing/util.py"
    assert tree.module("org.shop.cart.Cart") == "core/src/main/java/org/shop/cart/Cart.java"
    assert tree.module("shop.cart") is None
    assert tree.module("os.path") is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tests/test_cart.py", True),
        ("t/unit/a.py", True),
        ("pkg/store_test.go", True),
        ("src/CartTest.java", True),
        ("web/pay.spec.ts", True),
        ("src/shop/contest.py", False),
        ("src/attestation/main.go", False),
        ("src/Latest.java", False),
    ],
)
def test_test_code_is_recognised_by_convention(path: str, expected: bool) -> None:
    """Each language's convention counts; a word that only contains "test" does not."""
    assert is_test(path) is expected


def test_documentation_is_distinguished_from_code() -> None:
    """Documentation cannot cause a failure, so it must be recognised."""
    assert is_documentation("docs/conf.py")
    assert is_documentation("CHANGES.rst")
    assert is_documentation("CHANGES.txt")
    assert not is_documentation("src/docs.py")
    assert not is_documentation("requirements.txt")
    assert not is_documentation("src/CMakeLists.txt")
