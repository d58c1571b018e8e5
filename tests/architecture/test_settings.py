"""The settings speak for themselves: .env.example and the tables of infra/README.md are made of their descriptions."""

from collections import defaultdict

import pytest

from infra import bundle, grants
from shared.settings import Settings

FILES = [path for folder in ("shared", "functions", "infra") for path in sorted((bundle.ROOT / folder).rglob("*.py"))]
CLASSES = grants.settings_classes(FILES)
FIELDS = [(cls, field) for cls in CLASSES for field in cls.model_fields]


def undescribed(cls: type[Settings]) -> list[str]:
    """Return the fields of a class without a description."""
    return [field for field, info in cls.model_fields.items() if not (info.description or "").strip()]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_every_setting_has_a_description(cls: type[Settings]) -> None:
    """Whoever sets a variable reads what it is, its unit and what happens when it is unset."""
    missing = undescribed(cls)

    assert not missing, (
        f"{cls.__module__}.{cls.__name__}: no description for {', '.join(missing)}. Write Field(…, description=…) in "
        "plain words, with the unit and what happens when it is unset, then run python -m infra.schemas"
    )


def test_one_variable_has_one_description() -> None:
    """Several classes may read a variable; the tables show it once."""
    described: dict[str, set[str | None]] = defaultdict(set)
    for cls, field in FIELDS:
        described[field].add(cls.model_fields[field].description)

    contradictions = {field: sorted(map(str, texts)) for field, texts in described.items() if len(texts) > 1}

    assert not contradictions, f"Write the same description in each class: {contradictions}"


def test_missing_description_is_found() -> None:
    """The law is able to fail, and it finds the classes."""

    class Bare(Settings):
        grafana_host: str

    assert undescribed(Bare) == ["grafana_host"]
    assert len(FIELDS) > 90
