"""A draft breaks an import when the name that another file imports is gone with it."""

import pytest

from infra.score.code.drafts import draft_of
from shared.contracts import FileEdit, Patch
from tests.infra.score.code.small_cases import REPO, WRONG, Shop

BODY = WRONG.partition("def ")[2]


def patch(original: str | None, new: str | None, path: str = "shop/pricing.py") -> Patch:
    """Return a revert with one edit."""
    return Patch(strategy="revert", reverts="a" * 40, files_to_modify=[FileEdit(path=path, original=original, new=new)])


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        (patch("len(parts)\n", "max(len(parts), 1)\n"), []),
        (patch("RATE = 3\n", ""), []),
        (patch("def share", "def split"), ["shop/basket.py imports share of shop/pricing.py"]),
        (patch(WRONG, None), ["shop/basket.py imports share of shop/pricing.py"]),
        (patch("def share(total", "def share(total,,"), ["shop/pricing.py does not parse"]),
        (patch(None, "RATE = 4\n", "shop/rates.py"), []),
    ],
)
def test_imports_that_lose_their_name_are_broken(small_shop: Shop, change: Patch, broken: list[str]) -> None:
    """A name that nobody imports may go; what does not parse breaks whoever imports it."""
    draft = draft_of(change, small_shop.repos / REPO, small_shop.snapshot)

    assert draft is not None
    assert draft.broken_imports[: len(broken) or 1] == tuple(broken)


def test_without_a_patch_there_is_no_draft(small_shop: Shop) -> None:
    """Nor without the repository that it is of."""
    assert draft_of(None, small_shop.repos / REPO, small_shop.snapshot) is None
    assert draft_of(patch("a", "b"), None, small_shop.snapshot) is None
