"""Checks that distinguish secrets from ordinary text of the same shape."""

import base64
import binascii
import math
import re
from collections import Counter

from shared.redaction.patterns import Pattern

_WORDS = Pattern(r"[A-Za-z_$]+(?:[-./:\\][A-Za-z_$]*)*")
_WORD_PARTS = Pattern(r"[^A-Za-z0-9]+")
_WORD_PART = Pattern(
    r"(?:hmac|sha|md|aes|utf|base|rsa|ed|hs|rs|es|ps|x|pkcs|pbkdf|argon|oauth|http|ipv|bcrypt|curve|p)\d{1,5}"
    r"(?:id|mb\d|gcm|cbc)?"
    r"|v?\d{1,4}|[A-Za-z]{1,3}|(?!.*[bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ]{5})"
    r"[A-Z]{0,4}[a-z]{2,}(?:[A-Z]{1,4}[a-z]{2,}){0,5}\d{0,2}|[A-Z]{1,12}\d{0,2}"
)
_PLACEHOLDER_WORDS = (
    r"null|none|nil|true|false|yes|no|on|off|ok|n/?a|undefined|unknown|anonymous|default|empty|blank|unset|present|absent"
    r"|provided|supplied|redacted|masked|hidden|filtered|protected|removed|omitted|scrubbed|sanitized|obfuscated|encrypted"
    r"|required|optional|missing|invalid|valid|incorrect|correct|wrong|expired|failed|rejected|refused|denied|revoked"
    r"|changed|reset|rotated|updated|disabled|enabled|accepted|verified|matched|mismatch|not|is|was|has|must|set|str(?:ing)?"
    r"|bytes?|text|(?:var)?char\S*|int(?:eger)?|bool(?:ean)?|object|any|option\S*|secretstr|secure_?string|password|passwd"
    r"|pass|pwd|pw|user(?:name)?|passphrase"
    r"|secret|token|apikey|api_key|key|credentials?|value|your[-_ ]?\S*|my[-_]?(?:password|secret|token|key)"
    r"|change[-_ ]?me|placeholder|example|dummy|xxx+|todo|tbd|sensitive(?:[-_ ]value)?|known|\d{1,3}"
)
_PLACEHOLDER = Pattern(
    rf"(?:[(\[<]{{0,2}}(?:{_PLACEHOLDER_WORDS})[)\]>,.;:!?]{{0,3}}"
    r"|[*x\u2022\u00b7.#?_=-]{2,}|\*+|[*\u2022x.]{3,}\S{0,4}|\S{0,4}[*\u2022]{3,}\S{0,4}"
    r"|\$\{.*|\$\(.*|\$(?-i:[A-Z_][A-Z0-9_]*|[A-Za-z_]+)|\$\d{1,2}|\{\{.*|\{[\w .:!-]*\}?"
    r"|#\{.*|%\{.*|%[\w.]+%|%\(\w+\)\w|%[-+#]?\w"
    r"|<[\w %:./-]*>?|\[[\w :./-]*\]?|\(\w[\w ]*\)?|:\w+|@\w+|\?|[-/>=<|&+]+"
    r"|(?:arn|vault|op|ssm|awssm|projects|secretsmanager|sops|kms|keyvault|env|secretref|ref)[:/!].*"
    r"|!(?:ref|sub|getatt|secret|vault|env|include|join)\b.*|@microsoft\..*"
    r"|enc\(.*|enc\[.*|\w+://[^\s@:]*(?::\d+)?(?:/[^\s@]*)?|0x[0-9a-f]{1,16}|\.{0,2}/[\w./-]*|[a-z]:\\[\w\\. -]*"
    r"|\[cut:.*)",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCE = Pattern(
    r"(?i)(?=(?:\S+\s+){2})(?=.*\b(?:is|are|was|were|must|should|has|have|been|be|cannot|can't|can|may|not|too|does|doesn't"
    r"|the|this|your|please|at least|required|invalid|incorrect|for|of|to|with)\b)[\w'\u2019,.:;!?()/ -]+"
)
_CARD_PREFIXES = Pattern(r"4|5[1-5]|2[2-7]|3[47]|3[068]|35|6(?:011|5|4[4-9])")
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


def looks_random(text: str) -> bool:
    """Whether the text is eight or more characters but no words: letters with digits, or high entropy."""
    if len(text) < 8 or text.isdigit() or (_WORDS.fullmatch(text) and entropy(text) < 4.2) or _is_wordy(text):
        return False
    return (is_mixed(text) and entropy(text) >= 2.5) or (len(text) >= 16 and entropy(text) >= 4.2)


def is_ordinary(text: str) -> bool:
    """Whether the text is a placeholder, a template, a reference, or words about the state of a secret: none itself."""
    text = text.strip()
    return _PLACEHOLDER.fullmatch(text) is not None or _SENTENCE.fullmatch(text) is not None


def _is_wordy(text: str) -> bool:
    """Whether the text consists of words and small numbers between signs, as `next-page-2` does."""
    return all(_WORD_PART.fullmatch(part) for part in _WORD_PARTS.split(text) if part)


def is_mixed(text: str) -> bool:
    """Whether the text has letters and digits."""
    return any(char.isdigit() for char in text) and any(char.isalpha() for char in text)


def has_all_kinds(text: str) -> bool:
    """Whether the text is long, without a space, and has capitals, small letters and digits in no order of words."""
    kinds = (str.isupper, str.islower, str.isdigit)
    return len(text) >= 20 and looks_random(text) and all(any(test(char) for char in text) for test in kinds)


def has_kinds_of_an_id(text: str) -> bool:
    """Whether the text has capitals, small letters and digits, as keys in addresses do and names of pages do not."""
    return looks_random(text) and all(any(map(test, text)) for test in (str.isupper, str.islower, str.isdigit))


def entropy(text: str) -> float:
    """Return Shannon's entropy of the characters, in bits per character."""
    size = len(text)
    return -sum(count / size * math.log2(count / size) for count in Counter(text).values())


def is_basic_credentials(text: str) -> bool:
    """Whether the text is base64 of `user:password`."""
    try:
        pair = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in pair and pair.isascii() and pair.decode("ascii").isprintable()


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


def is_persons_address(text: str) -> bool:
    """Whether a mail address can be a person's: what is before the `@` is no id and no user of a code host."""
    local = text.partition("@")[0]
    return local != "git" and re.fullmatch(r"[0-9a-f.$-]{12,}", local) is None


def is_phone(text: str) -> bool:
    """Whether the text has as many digits as an international telephone number."""
    return 9 <= sum(char.isdigit() for char in text) <= 15
