"""What in a sentence is written like a name: of a service, a file, a host, a commit, a setting, an option."""

import re
from http import HTTPStatus

from shared.agent.words import ACRONYMS, FUNCTION_WORDS, PLAIN, stem

_QUOTED = re.compile(r"“([^”]+)”|\"([^\"]+)\"|\u2018([^\u2019]+)\u2019|(?<!\w)'([^']+)'(?!\w)")
_TRIMMED = ".,;:!?()[]{}<>\"'“”\u2018\u2019«»…*|="
_OPERATORS = frozenset(("|", "||", "&&", ">>", "<<", "$(", "2>&1"))
_COMPONENTS = frozenset(
    ("api", "app", "cache", "cluster", "db", "gateway", "host", "job", "node", "proxy", "queue", "server", "service")
)
"""A plain word with a hyphen before one of these names a component: `orders-db`."""
_PLAIN_STEMS = frozenset(stem(word) for word in PLAIN)
_NUMBER = re.compile(r"[^\w/.-]*\d[\d.,]*(?:[-/]?(?:[^\W\d_]+|%|\u00d7))?|\d+(?:[/-]\d+)*")
_INNER_MARK = re.compile(r"[\w)\]]*[_/\\@#=&|$<>~^+:.][\w(\[]|[/\\@#$~.][\w]")
_MIXED_CASE = re.compile(r"[a-z][A-Z]|[A-Z]{2}|[A-Z][a-z]+[A-Z]")
_CONTRACTED = re.compile(r"[A-Za-z][a-z]{1,6}n['\u2019]t|[A-Za-z]+['\u2019](?:m|d|ll|re|ve)")
_DESCRIBED = re.compile(
    r"(?:[a-z]|non|self|one|two|three|four|five|six|seven|eight|nine|ten)"
    rf"-(?!(?:{'|'.join(_COMPONENTS)})$)([A-Za-z]+)|([A-Za-z]+)-(?!\w*eed)[a-z]{{3,}}ed"
)
"""A word joined to a letter, a number, a negation or a participle is no name by that: `f-string`, `user-supplied`."""
_DETERMINERS = frozenset(("a", "an", "the", "its", "their", "our", "your"))
_STATUS = re.compile("|".join(rf"(?<=\b{each.value} ){each.phrase}\b" for each in HTTPStatus))
"""What a status means follows from its number, which is checked as a number: `502 Bad Gateway`."""
_DOTTED = re.compile(r"v?\d+(?:\.\d+){2,}\S*|\d+(?:\.\d+){3}(?::\d+)?")


def quotations(sentence: str) -> list[str]:
    """Return what stands in quotation marks: it claims to be written so somewhere."""
    return [next(filter(None, groups)).strip(" .,;:") for groups in _QUOTED.findall(sentence)]


def names(sentence: str) -> list[str]:
    """
    Return the words of a sentence that are written like names, without marks around them.

    Plain words are none, nor are numbers, dates and times. A word is a name by an inner mark (`db_1`, `cart.py`,
    `a:b`), by digits or capitals inside, by a capital at its start or a hyphen inside unless it is a plain word, and by
    a hyphen before it. The capital of a verb or an adverb at the start of the sentence is none.
    """
    pieces = _STATUS.sub(" ", sentence).split()
    return [name for piece in pieces[_opens_plainly(pieces) :] for name in _names_in(piece)]


def _opens_plainly(pieces: list[str]) -> bool:
    """Return whether the first word is an adverb or takes an object: a name has no article right after it."""
    if len(pieces) < 2:
        return False
    is_verb = re.fullmatch("[A-Z][a-z]+ing", pieces[0]) is not None and pieces[1] in _DETERMINERS
    return is_verb or re.fullmatch("[A-Z][a-z]{3,}ly,", pieces[0]) is not None


def _names_in(piece: str) -> list[str]:
    if piece in _OPERATORS:
        return [piece]
    word = re.sub(r"(?:\(\))?(?:['\u2019]s)?$", "", piece.strip(_TRIMMED)).strip(_TRIMMED)
    if not word or _is_contracted(word) or (word.lower() in PLAIN and not _is_shouted(word)):
        return []
    if word.count("/") == 1 and all(part.isalpha() for part in word.split("/")):
        return [name for part in word.split("/") for name in _names_in(part)]
    if described := _DESCRIBED.fullmatch(word):
        return [name for part in described.groups() if part for name in _names_in(part)]
    return [word] if _is_name(word) else []


def _is_name(word: str) -> bool:
    if _DOTTED.fullmatch(word):
        return True
    if _NUMBER.fullmatch(word) or not re.search(r"[^\W\d_]", word):
        return False
    if re.match(r"--?[A-Za-z]", word) or _INNER_MARK.search(word) or _MIXED_CASE.search(word):
        return True
    if re.search(r"\d", word):
        return True
    if "-" in word.strip("-\u2013"):
        parts = [part for part in re.split("[-\u2013]", word) if part]
        return parts[-1].lower() in _COMPONENTS or not all(map(_is_plain, parts))
    return word[0].isupper() and (_is_shouted(word) or not _is_plain(word))


def _is_contracted(word: str) -> bool:
    """Return whether an apostrophe joins two plain words: `don't`, `they've`."""
    if not _CONTRACTED.fullmatch(word):
        return False
    return word.endswith("t") or _is_plain(re.split("['\u2019]", word)[0])


def _is_plain(word: str) -> bool:
    return word.lower() in PLAIN or stem(word) in _PLAIN_STEMS


def _is_shouted(word: str) -> bool:
    """Return whether a word stands in capitals without being an acronym, as keywords of queries and settings do."""
    return len(word) > 1 and word.isupper() and word.lower() not in ACRONYMS | FUNCTION_WORDS
