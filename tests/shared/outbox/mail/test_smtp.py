"""SMTP against a server on loopback: each reply means one error, and no mail is sent twice."""

import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.errors import Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.outbox.mail.smtp import Smtp, SmtpSettings
from tests.shared.outbox.mail.mail_server import MailServer, running
from tests.shared.outbox.mail.mails import mail


@pytest.fixture
def server() -> Iterator[MailServer]:
    """A mail server without TLS."""
    with running(MailServer()) as server:
        yield server


def smtp(port: int, **changes: str | float) -> Smtp:
    """An account that does not wait between tries."""
    fields: dict[str, str | float] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_from": "copilot@example.com",
        "smtp_tls": "off",
        "smtp_timeout_s": 5,
    }
    return Smtp(SmtpSettings.model_validate({**fields, **changes}), sleep=lambda _: None)


def test_mail_arrives_whole_with_our_message_id(server: MailServer) -> None:
    """Both receivers, one mail, and lines that begin with a dot as they were."""
    text = ".\n..\n.hidden\nend"

    sent = smtp(server.port, smtp_user="me", smtp_password="p4ss").send(mail(text=text))

    (raw,) = server.mails
    got = message_from_bytes(raw.replace(b"\r\n..", b"\r\n."), policy=policy.default)
    body = got.get_body(("plain",))
    assert body is not None
    assert (sent.provider_id, got["Message-ID"]) == ("<inc-1.brief@incident-copilot>",) * 2
    assert got["To"] == "ada@example.com, bo@example.com"
    assert body.get_content().splitlines() == text.splitlines()
    assert [command.split(":")[0] for command in server.commands[2:5]] == ["mail FROM", "rcpt TO", "rcpt TO"]


REPLIES = [
    ("greeting", "554 no service", Refused, 1),
    ("greeting", "421 busy", Unavailable, 3),
    ("AUTH", "535 5.7.8 wrong", Refused, 1),
    ("AUTH", "454 4.7.0 temporary", Throttled, 3),
    ("MAIL", "550 not you", Refused, 1),
    ("MAIL", "450 4.7.1 greylisted", Throttled, 3),
    ("DATA", "451 later", Throttled, 3),
    ("DATA", "554 no", Refused, 1),
    ("content", "452 4.3.1 full", Throttled, 3),
    ("content", "421 closing", Unavailable, 3),
    ("content", "552 too large", Refused, 1),
    ("content", None, Uncertain, 1),
    ("MAIL", None, Unavailable, 3),
    ("DATA", None, Unavailable, 3),
]


@pytest.mark.parametrize(("what", "reply", "error", "tries"), REPLIES, ids=[f"{row[0]}-{row[1]}" for row in REPLIES])
def test_each_reply_means_one_error(
    server: MailServer, what: str, reply: str | None, error: type[Exception], tries: int
) -> None:
    """A mail is sent again only where the server says that it has none."""
    server.replies[what] = [reply] * 3

    with pytest.raises(error):
        smtp(server.port, smtp_user="me", smtp_password="p4ss").send(mail())

    assert 3 - len(server.replies[what]) == tries


def test_no_reply_to_the_mail_is_uncertain_and_it_is_not_sent_again(server: MailServer) -> None:
    """The server has the whole mail and says nothing within the budget."""
    server.replies["content"] = [30.0]

    with pytest.raises(Uncertain, match="may have been sent"):
        smtp(server.port, smtp_timeout_s=0.5).send(mail())

    assert len(server.mails) == 1


def test_mail_is_sent_once_after_the_server_recovers(server: MailServer) -> None:
    """A 4yz before the mail promises that nothing was sent."""
    server.replies["MAIL"] = ["450 greylisted"]

    smtp(server.port).send(mail())

    assert len(server.mails) == 1


def test_one_receiver_that_is_refused_does_not_stop_the_others(
    server: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A colleague who left must not cost the brief of those who are on call; the log says so."""
    server.replies["RCPT"] = ["550 no such user"]

    smtp(server.port).send(mail())

    assert len(server.mails) == 1
    assert '"outbox.receivers_refused"' in capsys.readouterr().out


def test_no_receiver_left_is_an_error(server: MailServer) -> None:
    """Later, if one of them may be taken later; never, if none is."""
    server.replies["RCPT"] = ["550 no", "450 later"] * 3
    with pytest.raises(Throttled):
        smtp(server.port).send(mail())

    server.replies["RCPT"] = ["550 no", "550 no"]
    with pytest.raises(Refused):
        smtp(server.port).send(mail())

    assert server.mails == []


def test_closed_port_is_unavailable() -> None:
    """Nothing happened."""
    with running(MailServer()) as gone:
        port = gone.port

    with pytest.raises(Unavailable, match="cannot be reached"):
        smtp(port).send(mail())


def test_refused_password_names_its_variables_and_no_secret(server: MailServer) -> None:
    """Servers may repeat what they got."""
    server.replies["AUTH"] = ["535 5.7.8 password=hunter2x is wrong"]

    with pytest.raises(Refused, match="SMTP_USER and SMTP_PASSWORD") as caught:
        smtp(server.port, smtp_user="me", smtp_password="hunter2x").send(mail())

    assert "hunter2x" not in str(caught.value)


def test_signing_in_sends_nothing(server: MailServer) -> None:
    """What `make doctor` does."""
    smtp(server.port, smtp_user="me", smtp_password="p4ss").sign_in()

    assert (server.count("AUTH"), server.count("MAIL")) == (1, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"smtp_user": "me"}, "SMTP_USER and SMTP_PASSWORD are needed together"),
        ({"smtp_host": "smtp.example.com"}, "SMTP_TLS=off is for a server on loopback only"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes: dict[str, str], words: str) -> None:
    """A password never goes over a plain connection to another machine."""
    with pytest.raises(Misconfigured, match=words):
        smtp(25, **changes)


def test_port_follows_from_the_kind_of_tls() -> None:
    """The usual ones, unless another is set."""
    ports = [
        SmtpSettings(smtp_host="localhost", smtp_from="a@example.com", smtp_tls=kind).port
        for kind in ("starttls", "tls", "off")
    ]

    assert ports == [587, 465, 25]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of 127.0.0.1, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=2))
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


def context_of(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_mail_goes_by_tls_with_a_trusted_certificate(
    certificate: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is sent only after the connection is encrypted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with running(MailServer(context=context_of(certificate), is_tls_from_start=kind == "tls")) as server:
        smtp(server.port, smtp_tls=kind, smtp_user="me", smtp_password="p4ss").send(mail())

    verbs = [command.split(" ")[0].upper() for command in server.commands]
    assert len(server.mails) == 1
    assert ("STARTTLS" in verbs) == (kind == "starttls")
    assert verbs.index("AUTH") > verbs.index("EHLO")
    assert kind == "tls" or verbs.index("AUTH") > verbs.index("STARTTLS")


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_untrusted_certificate_gets_neither_password_nor_mail(certificate: Path, kind: str) -> None:
    """Anybody between the two could show one."""
    server = MailServer(context=context_of(certificate), is_tls_from_start=kind == "tls")
    with running(server), pytest.raises(Unavailable, match="no TLS that is trusted"):
        smtp(server.port, smtp_tls=kind, smtp_user="me", smtp_password="p4ss").send(mail())

    assert (server.count("AUTH"), server.mails) == (0, [])


def test_server_without_starttls_gets_neither_password_nor_mail(server: MailServer) -> None:
    """Somebody may have removed the offer; the setting decides, not the server."""
    with pytest.raises(Refused, match="check SMTP_TLS"):
        smtp(server.port, smtp_tls="starttls", smtp_user="me", smtp_password="p4ss").send(mail())

    assert (server.count("AUTH"), server.mails) == (0, [])
