"""A mail as bytes: parts, images and headers that no text can break or add to."""

import re
from email.charset import QP, Charset
from email.header import Header
from email.headerregistry import Address
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32

from shared.bounds import storable
from shared.errors import Refused
from shared.outbox.port import Mail
from shared.redaction import redact
from shared.text.harmless import defanged

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PLAIN_HEADER_CHARS = 900
"""A line of a mail may have 998: https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1"""
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP


def compose(mail: Mail, sender: str) -> bytes:
    """
    Return the mail as RFC 822 bytes: related(alternative(text, html), images); headers cannot be injected.

    No text makes it fail: headers are encoded here, because the library's own policy reads them first and stumbles over
    what only looks like an encoded word (RFC 2047). Raises Refused when an address is invalid.
    """
    body = MIMEMultipart("alternative")
    body.attach(_part(redact(mail.text), "plain"))
    body.attach(_part(redact(mail.html), "html"))
    message = _with_images(body, mail) if mail.images else body
    try:
        message["From"] = str(Address("Incident CoPilot", addr_spec=sender))
        message["To"] = ", ".join(str(Address(addr_spec=address)) for address in mail.to)
    except ValueError as error:
        raise Refused(f"The mail has an invalid address: {error}") from error
    message["Subject"] = _header(defanged(redact(mail.subject)))
    message["Message-ID"] = _header(mail.message_id)
    if mail.in_reply_to:
        # RFC 5322, 3.6.4: mail programs show it in the thread of the other.
        message["In-Reply-To"] = _header(mail.in_reply_to)
        message["References"] = _header(" ".join((*mail.references, mail.in_reply_to)))
    # RFC 3834: automatic responders must not answer this mail or raise an alert from it.
    message["Auto-Submitted"] = "auto-generated"
    return message.as_bytes(policy=compat32.clone(linesep="\r\n"))


def _part(text: str, kind: str) -> MIMEText:
    return MIMEText(storable(text), kind, _UTF8)  # type: ignore[arg-type]  # a Charset is allowed, says its documentation


def _with_images(body: MIMEMultipart, mail: Mail) -> MIMEMultipart:
    message = MIMEMultipart("related", type="multipart/alternative")  # RFC 2387, 3.1: the root part's type
    message.attach(body)
    for image in mail.images:
        part = MIMEImage(image.png, "png")
        part["Content-ID"] = f"<{single_line(image.content_id)}>"
        part.add_header("Content-Disposition", "inline", filename=f"{single_line(image.content_id)}.png")
        message.attach(part)
    return message


def _header(text: str) -> str:
    """Return a header's value in ASCII: as it is, or as encoded words."""
    line = single_line(storable(text))
    is_plain = line.isascii() and "=?" not in line and len(line) <= _PLAIN_HEADER_CHARS
    return line if is_plain else Header(line, "utf-8", header_name="Subject").encode()


def single_line(text: str) -> str:
    """Return a text without the characters that end a line or a header."""
    return _CONTROL.sub(" ", text).strip()
