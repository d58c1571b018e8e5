"""The small shop, written once: nothing changes it."""

import pytest

from tests.infra.score.code.small_cases import Shop, shop


@pytest.fixture(scope="session")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Return the shop with its cases and its repository."""
    return shop(tmp_path_factory.mktemp("shop"))
