"""Settings: read by name, typed, and wrong ones named without their value."""

import pytest
from pydantic import Field, SecretStr, model_validator

from shared.errors import Misconfigured
from shared.settings import Settings


class Sample(Settings):
    """One setting of each kind."""

    sample_host: str
    sample_count: int = 3
    sample_names: list[str] = Field(default_factory=list)
    sample_key: SecretStr | None = None


def test_environment_variables_are_named_like_the_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAMPLE_COUNT fills sample_count; lists are JSON."""
    monkeypatch.setenv("SAMPLE_HOST", "http://a")
    monkeypatch.setenv("SAMPLE_COUNT", "5")
    monkeypatch.setenv("SAMPLE_NAMES", '["x", "y"]')

    assert Sample.from_env() == Sample(sample_host="http://a", sample_count=5, sample_names=["x", "y"])


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank variable of a template does not override a default."""
    monkeypatch.setenv("SAMPLE_HOST", "h")
    monkeypatch.setenv("SAMPLE_COUNT", " ")

    assert Sample.from_env().sample_count == 3


@pytest.mark.parametrize(("name", "value"), [("SAMPLE_COUNT", "many"), ("SAMPLE_NAMES", "x,y"), ("SAMPLE_HOST", "")])
def test_wrong_variable_is_named_and_its_value_is_not(monkeypatch: pytest.MonkeyPatch, name, value) -> None:
    """The operator learns which variable to fix; a secret in the wrong variable is not printed."""
    monkeypatch.setenv("SAMPLE_HOST", "h")
    monkeypatch.setenv(name, value)

    with pytest.raises(Misconfigured, match=name) as caught:
        Sample.from_env()

    assert not value or value not in str(caught.value)


def test_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is not in the settings' repr."""
    monkeypatch.setenv("SAMPLE_HOST", "h")
    monkeypatch.setenv("SAMPLE_KEY", "hunter2")

    assert "hunter2" not in repr(Sample.from_env())


def test_check_over_several_variables_reports_its_own_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule about two variables has no single name, so the error holds the message of the rule."""

    class Pair(Settings):
        pair_user: str | None = None
        pair_key: SecretStr | None = None

        @model_validator(mode="after")
        def _both(self) -> "Pair":
            if (self.pair_user is None) != (self.pair_key is None):
                raise ValueError("PAIR_USER and PAIR_KEY go together")
            return self

    monkeypatch.setenv("PAIR_USER", "me")

    with pytest.raises(Misconfigured, match="PAIR_USER and PAIR_KEY go together"):
        Pair.from_env()
