"""Ways in which a line with a secret is encoded on its way into a log; each returns the entries that are written."""

import base64
import html
import json
import quopri
import re
from collections.abc import Callable
from urllib.parse import quote

from tests.hostile.secrets.values import Line, Values

PLAIN = (
    "login refused: password=⟦%p⟧ for svc",
    '{"user":"svc","password":"⟦%p⟧"}',
    "Authorization: Bearer ⟦%u43⟧",
    "connecting to postgres://app:⟦%p⟧@%n:5432/orders",
    "DB_PASS=⟦%q⟧",
    "client_secret: '⟦%a40⟧'",
)
"""What is encoded: `%q` has characters that most encodings escape."""

Encoding = Callable[[str], tuple[str, ...]]


def _one(encode: Callable[[str], str]) -> Encoding:
    return lambda text: (encode(text),)


def _json(text: str) -> str:
    return json.dumps({"level": "error", "msg": text})


def _coloured(text: str) -> str:
    return re.sub(r"([=:])", "\x1b[0m\\1\x1b[31;1m", text) + "\x1b[0m"


def _base64(text: str) -> str:
    return "payload " + base64.b64encode(text.encode()).decode() + " received"


def _of_code(text: str, code: str) -> str:
    return "".join(code.format(ord(char)) if not char.isspace() else char for char in text)


def _split(text: str, size: int) -> tuple[str, ...]:
    return tuple(text[start : start + size] for start in range(0, len(text), size))


def _within(text: str) -> tuple[str, ...]:
    """Divide the line inside what is secret: its last third is the next entry."""
    place = len(text) * 2 // 3
    return text[:place], text[place:] + " (continued)"


ENCODINGS: dict[str, Encoding] = {
    "json": _one(_json),
    "json in json": _one(lambda text: _json(_json(text))),
    "json three times": _one(lambda text: _json(_json(_json(text)))),
    "json with slashes escaped": _one(lambda text: _json(text).replace("/", "\\/")),
    "unicode escapes": _one(lambda text: _of_code(text, "\\u{:04x}")),
    "hexadecimal escapes": _one(lambda text: _of_code(text, "\\x{:02x}")),
    "python repr of bytes": _one(lambda text: repr(text.encode())),
    "terminal colours": _one(_coloured),
    "terminal colours in json": _one(lambda text: _json(_coloured(text))),
    "colours without escape": _one(lambda text: _coloured(text).replace("\x1b", "")),
    "html entities": _one(lambda text: html.escape(text).replace("=", "&#61;").replace(":", "&#x3a;")),
    "html of json": _one(lambda text: html.escape(_json(text))),
    "url": _one(quote),
    "url, everything": _one(lambda text: _of_code(text, "%{:02X}")),
    "url twice": _one(lambda text: quote(quote(text, safe=""), safe="")),
    "base64": _one(_base64),
    "base64 for urls": _one(lambda text: "state=" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")),
    "base64 of json": _one(lambda text: _base64(_json(text))),
    "base64 in lines": _one(lambda text: base64.encodebytes((text + " " * 80).encode()).decode()),
    "base64 of utf-16": _one(lambda text: "powershell -enc " + base64.b64encode(text.encode("utf-16-le")).decode()),
    "hexadecimal": _one(lambda text: "body " + text.encode().hex()),
    "quoted-printable": _one(lambda text: quopri.encodestring(text.encode(), quotetabs=True).decode()),
    "zero-width marks": _one(lambda text: text.replace("s", "s\u200b").replace("=", "\u2060=")),
    "full width": _one(lambda text: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)),
    "continued lines": _one(lambda text: "\\\n".join(_split(text, 25))),
    "html tags": _one(lambda text: re.sub(r"([=:])", r"</span>\1<span class='hl'>", f"<span>{text}</span>")),
    "over two entries": _within,
}


def encoded_lines(seed: int) -> list[Line]:
    """Return every plain line in every encoding; its secrets are the plain ones."""
    values = Values(seed)
    lines = [values.line(template, template) for template in PLAIN]
    return [Line(name, encode(line.entries[0]), line.secrets) for name, encode in ENCODINGS.items() for line in lines]


def decoded(text: str) -> list[str]:
    """Return what a reader's tools could make of a text: it, and each layer that can be taken off it."""
    layers = [text]
    for _ in range(4):
        layers.append(_plainer(layers[-1]))
    return [*layers, *(match for layer in layers for match in _base64_texts(layer))]


def _plainer(text: str) -> str:
    text = re.sub(r"\x1b?\[[0-9;]+m|[\u200b\u2060]|</?span[^>]*>|\\\n", "", text)
    text = html.unescape(text)
    text = re.sub(r"%([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), text)
    text = re.sub(r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2}))", lambda match: chr(int(match[1] or match[2], 16)), text)
    text = re.sub(r"=\n|=([0-9A-F]{2})", lambda match: chr(int(match[1], 16)) if match[1] else "", text)
    text = "".join(chr(ord(char) - 0xFEE0) if "\uff01" <= char <= "\uff5e" else char for char in text)
    return re.sub(r"\\([\"'/\\])", r"\1", text)


def _base64_texts(text: str) -> list[str]:
    texts = []
    for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", text.replace("\n", "")):
        for shift in range(4):
            part = run[shift:].replace("-", "+").replace("_", "/")
            content = base64.b64decode(part[: len(part) // 4 * 4])
            texts += [content.decode("latin-1"), content.decode("latin-1").replace("\0", "")]
    for run in re.findall(r"(?:[0-9a-f]{2}){12,}", text):
        texts.append(bytes.fromhex(run).decode("latin-1"))
    return texts
