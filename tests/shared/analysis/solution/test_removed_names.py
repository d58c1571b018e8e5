"""A change that takes a name away which other files use is noticed; one that takes an unused name away is not."""

from pathlib import Path
from time import process_time

import pytest

from shared.analysis.solution.removed_names import MAX_FILES, MAX_NAMES, Use, still_used
from shared.contracts import FileEdit
from tests.fakes_code_host import GitReader, Repository

MONEY = "from decimal import Decimal as Amount\n\nRATE = 3\n\n\ndef rounded(amount):\n    return round(amount, 2)\n"
CART = "from shop.money import RATE, rounded\n\n\ndef total(lines):\n    return rounded(sum(lines) * RATE)\n"
FILES: dict[str, str | None] = {
    "shop/money.py": MONEY,
    "shop/cart.py": CART,
    "other/tools.py": "def rounded(number):\n    return number\n",
    "docs/use.md": "shop.money.rounded rounds; Amount is a Decimal.\n",
    "web/price.ts": "export function price(cents: number) {\n  return cents / 100\n}\n",
    "web/page.ts": "import { price } from './price'\n\nprice(1)\n",
    "store/open.go": "package store\n\nfunc openAll() {}\n",
    "store/use.go": "package store\n\nfunc Run() { openAll() }\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository of three languages."""
    repository = Repository(tmp_path / "repository")
    repository.commit(FILES)
    return repository


def edited(path: str, original: str, new: str | None) -> list[FileEdit]:
    """Return one edit."""
    return [FileEdit(path=path, original=original, new=new)]


@pytest.mark.parametrize(
    ("changes", "use"),
    [
        (edited("shop/money.py", "def rounded(", "def rounded_up("), Use("rounded", "shop/cart.py")),
        (edited("shop/money.py", "RATE = 3\n", ""), Use("RATE", "shop/cart.py")),
        (edited("shop/money.py", MONEY, None), Use("rounded", "shop/cart.py")),
        (edited("web/price.ts", "price(cents", "cost(cents"), Use("price", "web/page.ts")),
        (edited("store/open.go", "func openAll", "func openSome"), Use("openAll", "store/use.go")),
        (edited("shop/money.py", "round(amount, 2)", "round(amount)"), None),
        (edited("shop/money.py", "from decimal import Decimal as Amount\n", ""), None),
        (edited("other/tools.py", "def rounded(", "def cut("), None),
    ],
)
def test_name_that_others_use_is_noticed(repository: Repository, changes: list[FileEdit], use: Use | None) -> None:
    """In the same module or package; a name like it elsewhere, or in documentation, is none."""
    assert still_used(GitReader(repository.folder), changes, "HEAD") == use


def test_file_that_the_change_mends_too_uses_it_no_longer(repository: Repository) -> None:
    """What counts is how the files are after all edits."""
    changes = [
        *edited("shop/money.py", "RATE = 3\n", ""),
        *edited("shop/cart.py", "import RATE, rounded", "import rounded"),
        *edited("shop/cart.py", " * RATE", ""),
    ]

    assert still_used(GitReader(repository.folder), changes, "HEAD") is None


def test_name_that_a_module_passes_on_is_one_of_its_own(repository: Repository) -> None:
    """Others import it from there."""
    repository.commit({"shop/__init__.py": "from shop.money import rounded\n", "app.py": "from shop import rounded\n"})

    changes = edited("shop/__init__.py", "from shop.money import rounded\n", "")

    assert still_used(GitReader(repository.folder), changes, "HEAD") == Use("rounded", "app.py")


@pytest.mark.parametrize(
    ("user", "is_used"),
    [
        ("from shop import money\n\nmoney.rounded(1)\n", True),
        ("def late():\n    from shop.money import rounded as r\n\n    return r(1)\n", True),
        ("from shop.money import (\n    RATE,\n    rounded,\n)\n", True),
        ("from shop.coins import rounded\nimport money\n", False),
        ("rounded = money = 3\n", False),
    ],
)
def test_python_uses_what_it_imports_from_there(tmp_path: Path, user: str, is_used: bool) -> None:
    """A name of another module, or one that is its own, is another."""
    repository = Repository(tmp_path / "repository")
    repository.commit({"shop/money.py": MONEY, "app.py": user})

    use = still_used(GitReader(repository.folder), edited("shop/money.py", "def rounded(", "def up("), "HEAD")

    assert (use is not None) is is_used


@pytest.mark.parametrize("line", ["public\n", "from a import (\n", "x" * 50, "pub(", "  ", "async \n", "a: b"])
def test_long_file_takes_linear_time(tmp_path: Path, line: str) -> None:
    """What a repository holds is not ours: ten times the text takes about ten times as long."""
    repository = Repository(tmp_path / "repository")
    seconds = []
    for size in (20_000, 200_000):
        text = line * (size // len(line)) + "\nEND = 1\n"
        repository.commit({"shop/long.py": text})
        start = process_time()
        still_used(GitReader(repository.folder), edited("shop/long.py", "\nEND = 1\n", "\n"), "HEAD")
        seconds.append(process_time() - start)

    assert seconds[1] < 40 * max(seconds[0], 0.02)


def test_number_of_requests_is_limited(repository: Repository) -> None:
    """However many names go."""
    repository.commit({"shop/many.py": "".join(f"NAME_{n} = {n}\n" for n in range(40))})
    reader = GitReader(repository.folder)

    changes = [FileEdit(path="shop/many.py", original="".join(f"NAME_{n} = {n}\n" for n in range(40)), new="")]

    assert still_used(reader, changes, "HEAD") is None
    assert len(reader.calls) <= 2 + MAX_NAMES * (1 + MAX_FILES)
