"""One test message reaches every channel that is set up, and each says how it went."""

from pathlib import Path

import pytest

from infra.channels.send_test import FIXES, main, send_test
from infra.doctor.check import Check
from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.pagerduty.server import ROUTING_KEY, PagerDutySandbox
from infra.local.sandboxes.slack.server import CHANNEL, TOKEN, SlackSandbox
from infra.local.sandboxes.teams.server import TeamsSandbox
from shared.channels import TO_PEOPLE
from tests.shared.outbox.mail.mail_server import MailServer, running


def mail_settings(server: MailServer) -> dict[str, str]:
    """Variables of a mail server on loopback."""
    return {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(server.port),
        "SMTP_TLS": "off",
        "SMTP_FROM": "copilot@example.com",
        "ON_CALL_ENGINEERS": "ada@example.com",
    }


def states(checks: list[Check]) -> dict[str, str]:
    """Return how each channel took the message, by its name."""
    return {check.what.split(" ")[0].rstrip(":"): check.state for check in checks}


def test_every_channel_gets_one_message_and_prints_its_receipt(tmp_path: Path) -> None:
    """All five at once, by the code that answers the Test button."""
    with (
        running(MailServer()) as mail,
        HookSandbox(tmp_path) as hook,
        SlackSandbox() as slack,
        PagerDutySandbox() as pagerduty,
        TeamsSandbox() as teams,
    ):
        checks = send_test(
            {
                **mail_settings(mail),
                "POST_PROCESS_URL": f"{hook.url}/hook",
                "SLACK_BOT_TOKEN": TOKEN,
                "SLACK_CHANNEL": CHANNEL,
                "SLACK_API_URL": f"{slack.url}/api",
                "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
                "PAGERDUTY_EVENTS_URL": pagerduty.url,
                "TEAMS_WEBHOOK_URL": teams.webhook,
            }
        )
        counts = [len(each) for each in (mail.mails, hook.calls, slack.messages, pagerduty.events, teams.cards)]
        (call,) = hook.calls

    assert counts == [1] * 5
    assert states(checks) == dict.fromkeys(("hook", "mail", "pagerduty", "slack", "teams"), "ok")
    assert all(check.what.partition(": ")[2] for check in checks)
    assert (call["body"]["kind"], call["body"]["headline"]) == ("test", "A test message arrived")
    assert b"make send-test" in mail.mails[0]


def test_channel_that_fails_is_named_with_its_fix_and_stops_no_other(tmp_path: Path) -> None:
    """The mail goes out although the hook refuses, and the missing ones are listed."""
    with running(MailServer()) as mail, HookSandbox(tmp_path) as hook:
        hook.fail_next(Reply.of_text("no", 403))
        checks = send_test({**mail_settings(mail), "POST_PROCESS_URL": f"{hook.url}/t0ken-in-path"})

    assert [check.state for check in checks] == ["ok", "wrong", "cannot tell"]
    assert (checks[0].what.split(" ")[0], len(mail.mails)) == ("mail", 1)
    assert "POST_PROCESS_URL" in checks[1].fix
    assert checks[2].what == "not set up: pagerduty, slack, teams"
    assert "t0ken-in-path" not in str(checks)


def test_every_channel_to_people_has_a_fix() -> None:
    """A new one is printed too when it fails."""
    assert set(FIXES) >= TO_PEOPLE


def test_no_channel_is_wrong() -> None:
    """A real brief would reach nobody."""
    (check,) = send_test({})

    assert (check.state, "MAIL_PROVIDER" in check.fix) == ("wrong", True)


def test_wrong_file_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the channels would be tested, and the other half forgotten."""
    path = tmp_path / ".env"
    with running(MailServer()) as mail:
        lines = [f"{name}={value}" for name, value in mail_settings(mail).items()]
        path.write_text("\n".join([*lines, "SLACK_CHANEL=C0123456"]))

        assert main(["--env", str(path)]) == 1

    assert mail.mails == []
    assert "write SLACK_CHANNEL" in capsys.readouterr().out


def test_command_prints_one_line_per_channel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the Makefile calls it."""
    path = tmp_path / ".env"
    with running(MailServer()) as mail:
        path.write_text("\n".join(f"{name}={value}" for name, value in mail_settings(mail).items()))

        assert main(["--env", str(path)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok           mail took the message: <send-test-")
    assert lines[-1] == "2 checks, 0 wrong."
