"""`make local` starts nothing while .env is wrong, and reads its key."""

from pathlib import Path

import pytest

from infra.doctor.offline import env_file
from infra.local.cli import serve
from infra.local.live import control
from infra.local.sandboxes.http import Sandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from infra.local.scenarios.scenario import Built
from infra.local.stack.model_choice import ModelChoice
from infra.local.stack.stack import Options
from infra.local.terminal import Terminal


class Started(Exception):
    """The stack would have started, with these options."""


@pytest.fixture
def dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of .env, and a stack that stops at once."""

    class StackInName:
        def __init__(self, _folder: Path, _built: object, options: Options) -> None:
            raise Started(options)

    monkeypatch.setattr(serve, "DOTENV", tmp_path / ".env")
    monkeypatch.setattr(serve, "FOLDER", tmp_path / "local")
    monkeypatch.setattr(serve, "CURRENT", tmp_path / "local" / "current")
    monkeypatch.setattr(serve, "build", lambda *_: Built("shop", tmp_path, tmp_path, None, None, None))
    monkeypatch.setattr(serve, "Stack", StackInName)
    return tmp_path / ".env"


def started(console: Terminal) -> Options:
    """Return the options of the stack that `up` starts."""
    with pytest.raises(Started) as caught:
        serve.up(0, False, console)
    options = caught.value.args[0]
    assert isinstance(options, Options)
    return options


def test_wrong_value_starts_nothing(dotenv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fix is printed instead."""
    dotenv.write_text("LOOKUP_WINDOW_SECONDS=-5\n")

    assert serve.up(0, False, Terminal()) == 1

    printed = capsys.readouterr().out
    assert "set LOOKUP_WINDOW_SECONDS" in printed
    assert "Nothing was started" in printed
    assert not (dotenv.parent / "local").exists()


def test_mix_of_a_sandbox_and_a_real_system_starts_nothing(dotenv: Path) -> None:
    """Also where every source is named."""
    with PrometheusSandbox() as prometheus:
        dotenv.write_text(f"GRAFANA_HOST={prometheus.url}\nPROMETHEUS_HOST={prometheus.url}\nGITHUB_REPO=acme/shop\n")

        assert serve.up(0, False, Terminal()) == 1


def test_system_that_does_not_answer_is_named_and_stops_nothing(
    dotenv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It may answer by the first alert."""
    with Sandbox() as gone:
        url = gone.url
    dotenv.write_text(f"GRAFANA_HOST={url}\nSANDBOX_SOURCES=false\nWEBHOOK_API_KEY='key of mine'\n")

    options = started(Terminal())

    assert (options.api_key, options.settings["GRAFANA_HOST"]) == ("key of mine", url)
    assert "check GRAFANA_HOST" in capsys.readouterr().out


def test_without_a_file_nothing_is_checked(dotenv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sandboxes need no configuration."""
    options = started(Terminal())

    assert (options.settings, options.api_key, capsys.readouterr().out) == ({}, serve.API_KEY, "")


def test_port_in_use_is_said_in_one_line(dotenv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With another port to try, before anything is started."""
    with Sandbox() as other:
        port = int(other.url.rpartition(":")[2])
        assert serve.up(port, False, Terminal(width=200)) == 1

        (line,) = capsys.readouterr().out.splitlines()
    words = f"Port {port} is in use by another program: choose one"
    assert line == f"{words}, for example `make local PORT={port + 1}`."


def test_second_stack_is_not_started(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would take the first one's place for every other command."""
    monkeypatch.setattr(control, "running_pid", lambda _: 4321)

    assert serve.up(0, False, Terminal(width=200)) == 1
    assert "pid 4321: `make status` shows it, `make stop` ends it" in capsys.readouterr().out


def test_model_of_the_command_line_goes_before_the_file(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in .env means Gemini, unless MODEL says otherwise; without a choice nothing changes."""
    dotenv.write_text("export GEMINI_API_KEY='key of mine'\n")
    monkeypatch.setattr(serve, "_checked", lambda _: env_file.load(dotenv).values)

    def chosen(model: ModelChoice | None) -> Options:
        with pytest.raises(Started) as caught:
            serve.up(0, False, Terminal(), model)
        options: Options = caught.value.args[0]
        return options

    assert chosen(None).settings["MODEL_PROVIDER"] == "gemini"
    assert "MODEL_PROVIDER" not in chosen(ModelChoice("sandbox")).settings
    assert chosen(ModelChoice("sandbox")).model.provider == "sandbox"
    with_key = chosen(ModelChoice("gemini")).model
    assert with_key.settings("")["GEMINI_API_KEY"] == "key of mine"
