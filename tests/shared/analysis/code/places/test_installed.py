"""Where package managers put files."""

import pytest

from shared.analysis.code.places.installed import installed


def read(path: str) -> tuple[str, str] | None:
    """Return the package and the path in it."""
    one = installed(tuple(part for part in path.split("/") if part))
    return (one.package, "/".join(one.path)) if one else None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/usr/lib/python3.11/site-packages/shop/cart.py", ("shop", "shop/cart.py")),
        ("/usr/local/lib/python3.11/asyncio/tasks.py", ("asyncio", "asyncio/tasks.py")),
        ("/venv/lib/python2.7/site-packages/Shop-1.2-py2.7.egg/shop/cart.py", ("shop", "shop/cart.py")),
        ("/usr/lib/python3/dist-packages/six.py", ("six", "six.py")),
        ("/app/node_modules/express/lib/router.js", ("express", "lib/router.js")),
        ("/app/node_modules/@acme/money/dist/add.js", ("@acme/money", "dist/add.js")),
        ("/app/node_modules/.pnpm/pino@9.1.0/node_modules/pino/pino.js", ("pino", "pino.js")),
        ("/usr/local/bundle/gems/rack-3.0.8/lib/rack/body.rb", ("rack", "lib/rack/body.rb")),
        ("/usr/local/bundle/gems/google-cloud-storage-1.44/lib/a.rb", ("google-cloud-storage", "lib/a.rb")),
        ("/go/pkg/mod/github.com/acme/shop@v1.2.3/cart/total.go", ("shop", "cart/total.go")),
        ("/go/pkg/mod/github.com/acme/shop/api/v2@v2.0.1/client.go", ("shop", "client.go")),
        ("/go/pkg/mod/github.com/acme/shop/v3@v3.1.0/cart/total.go", ("shop", "cart/total.go")),
        ("/home/ada/go/src/github.com/acme/shop/cart/total.go", ("shop", "cart/total.go")),
        ("github.com/gorilla/mux@v1.8.0/mux.go", ("mux", "mux.go")),
        ("/src/vendor/github.com/lib/pq/conn.go", ("pq", "conn.go")),
        ("/var/www/vendor/laravel/framework/src/Pipeline.php", ("framework", "src/Pipeline.php")),
        (
            "/home/ada/.cargo/registry/src/index.crates.io-6f17d22bba15001f/tokio-1.35.1/src/task.rs",
            ("tokio", "src/task.rs"),
        ),
        ("/home/ada/.cargo/git/checkouts/money-rs-0a1b2c3d4e5f6a7b/9f8e7d6/src/lib.rs", ("money-rs", "src/lib.rs")),
    ],
)
def test_package_and_path_are_read_from_where_the_file_is(path: str, expected: tuple[str, str]) -> None:
    """What a package manager puts around a file is not part of its path."""
    assert read(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/app/shop/cart.py",
        "/usr/local/go/src/net/http/server.go",
        "github.com/acme/shop/cart/total.go",
        "/srv/releases/20260101/app/models/user.rb",
        "/app/vendor/x.go",
        "/app/node_modules/x.js",
        "",
    ],
)
def test_other_files_are_of_no_package(path: str) -> None:
    """The service's own files, and the runtime's."""
    assert read(path) is None
