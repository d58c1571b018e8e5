"""Checks that distinguish secrets from ordinary text of the same shape."""

import base64
import binascii
import math
import re
from collections import Counter

_WORDS = re.compile(r"[A-Za-z_$]+(?:[-./:\\][A-Za-z_$]*)*")
_CARD_PREFIXES = re.compile(r"4|5[1-5]|2[2-7]|3[47]|3[068]|35|6(?:011|5|4[4-9])")
_CARD_LENGTHS = {14, 15, 16}
_IBAN_LENGTHS = {
    "AD": 24,
    "AE": 23,
    "AT": 20,
    "BE": 16,
    "BG": 22,
    "BR": 29,
    "CH": 21,
    "CY": 28,
    "CZ": 24,
    "DE": 22,
    "DK": 18,
    "EE": 20,
    "ES": 24,
    "FI": 18,
    "FR": 27,
    "GB": 22,
    "GI": 23,
    "GR": 27,
    "HR": 21,
    "HU": 28,
    "IE": 22,
    "IL": 23,
    "IS": 26,
    "IT": 27,
    "LI": 21,
    "LT": 20,
    "LU": 20,
    "LV": 21,
    "MC": 27,
    "MT": 31,
    "NL": 18,
    "NO": 15,
    "PL": 28,
    "PT": 25,
    "RO": 24,
    "SA": 24,
    "SE": 24,
    "SI": 19,
    "SK": 24,
    "SM": 27,
    "TR": 26,
    "UA": 29,
}
_PLACEHOLDER = re.compile(r"\[cut: [a-z][A-Za-z0-9 -]{0,40}\]")


def looks_random(text: str) -> bool:
    """Whether the text is eight or more characters but no words: letters with digits, or high entropy."""
    if len(text) < 8 or text.isdigit() or (_WORDS.fullmatch(text) and entropy(text) < 4.2):
        return False
    has_digit = any(char.isdigit() for char in text)
    has_alpha = any(char.isalpha() for char in text)
    return (has_digit and has_alpha and entropy(text) >= 2.5) or (len(text) >= 16 and entropy(text) >= 4.2)


def entropy(text: str) -> float:
    """Return Shannon's entropy of the characters, in bits per character."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def is_basic_credentials(text: str) -> bool:
    """Whether the text is base64 of `user:password`."""
    try:
        return b":" in base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False


def is_card(text: str) -> bool:
    """Whether the digits are a payment card's: an issuer's prefix and Luhn's check digit."""
    digits = [int(char) for char in text if char.isdigit()]
    if len(digits) not in _CARD_LENGTHS or not _CARD_PREFIXES.match("".join(map(str, digits))):
        return False
    doubled = [digit if index % 2 == 0 else sum(divmod(digit * 2, 10)) for index, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether the text is a bank account number: its country's length and the check digits of ISO 7064."""
    plain = text.replace(" ", "")
    if _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_phone(text: str) -> bool:
    """Whether the text has as many digits as an international telephone number."""
    return 9 <= sum(char.isdigit() for char in text) <= 15


def without_placeholders(text: str) -> str:
    """Return what is left of a text without the placeholders of redacted secrets, and without white space around."""
    return _PLACEHOLDER.sub("", text).strip()
