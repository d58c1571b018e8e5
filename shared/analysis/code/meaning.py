"""What a commit changed in what a file does, and where a line came from that was only written otherwise or moved."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from shared.analysis.code import senses, spans
from shared.analysis.code.diffs import Hunk
from shared.analysis.code.senses import Language

MAX_PAIRS = 250_000
"""Of so many rows on both sides, comparing them all would take too long: all of them count as changed."""


@dataclass(frozen=True)
class _Row:
    """A row of one side of a change: its number there, and what it does, in which place of its block."""

    number: int
    text: str
    sense: str

    @property
    def bare(self) -> str:
        """What it does without its indentation."""
        return self.sense.lstrip()

    @property
    def indent(self) -> int:
        return len(self.text) - len(self.text.lstrip())


@dataclass(frozen=True)
class _Block:
    """Lines that were removed and what was added in their place; with their numbers in the old and the new file."""

    removed: tuple[_Row, ...]
    added: tuple[_Row, ...]
    start: int
    """Number, in the new file, of the line that stands where the first removed one did."""

    @property
    def is_meaningless(self) -> bool:
        """Whether both sides do the same, in however many lines."""
        return "".join(row.sense for row in self.removed) == "".join(row.sense for row in self.added)


Pairs = list[tuple[_Row, _Row]]
"""Removed rows, each with the added one that does the same."""


def meaning(line: str, path: str) -> str:
    """
    Return a line of a file's code without what does not change what it does, for comparison with another.

    Left out are space, comments, the kind of quotes, texts of errors and logs, annotations and commas before a bracket.
    """
    language = senses.language_of(path)
    return senses.senses(senses.unannotated([line], language), language)[0].strip()


def changed_lines(hunks: Sequence[Hunk], path: str) -> list[int]:
    """
    Return the lines, in the new file, that the commit changed in what they do.

    A removed line has the number of what stands in its place. Lines of a function that was moved within the file, and
    lines that kept their order, are none.
    """
    blocks = [block for block in _blocks(hunks, path) if not block.is_meaningless]
    pairs = [pair for block in blocks for pair in _same(block.removed, block.added)]
    pairs += _moved(blocks)
    removed, added = {was.number for was, _ in pairs}, {now.number for _, now in pairs}
    changed: list[int] = []
    for block in blocks:
        changed += [block.start for row in block.removed if row.sense and row.number not in removed]
        changed += [row.number for row in block.added if row.sense and row.number not in added]
    return changed


def source(line: int, hunks: Sequence[Hunk], path: str) -> int | None:
    """
    Return the number, in the old file, of the line that an added one was only written otherwise or moved from.

    None when the commit wrote what the line does.
    """
    blocks = list(_blocks(hunks, path))
    block = next((each for each in blocks if any(row.number == line for row in each.added)), None)
    if block is None:
        return None
    pairs = _same(block.removed, block.added)
    if block.is_meaningless:
        return _before(pairs, line) or _wrapped(block, line)
    bare = _same(block.removed, block.added, lambda row: row.bare)
    if len(bare) < sum(bool(row.sense) for row in block.added):
        # What was put around it is the change; where nothing was, the indentation is.
        pairs = pairs + bare
    return _before([*pairs, *_moved(blocks)], line)


def _before(pairs: Pairs, line: int) -> int | None:
    return next((was.number for was, now in pairs if now.number == line), None)


def _wrapped(block: _Block, line: int) -> int | None:
    """Return which removed line held the beginning of an added one: both sides are the same text in other lines."""
    start = sum(len(row.sense) for row in block.added if row.number < line)
    end = 0
    for row in block.removed:
        end += len(row.sense)
        if end > start:
            return row.number
    return None


def _same(removed: Sequence[_Row], added: Sequence[_Row], key: Callable[[_Row], str] = lambda row: row.sense) -> Pairs:
    """Return the rows of both sides that do the same, in the same order."""
    one, other = [row for row in removed if row.sense], [row for row in added if row.sense]
    if len(one) * len(other) > MAX_PAIRS:
        return []
    matcher = SequenceMatcher(None, [key(row) for row in one], [key(row) for row in other], autojunk=False)
    return [
        (one[match.a + n], other[match.b + n]) for match in matcher.get_matching_blocks() for n in range(match.size)
    ]


def _moved(blocks: Sequence[_Block]) -> Pairs:
    """Return the rows of functions that went to another place of the file: where a function stands does nothing."""
    old = [function for block in blocks for function in _functions(block.removed)]
    new = [function for block in blocks for function in _functions(block.added)]
    pairs: Pairs = []
    for function in new:
        same = [one for one in old if one[0].bare == function[0].bare]
        if len(same) == 1:
            pairs += _same(_set_left(same[0]), _set_left(function))
    return pairs


def _set_left(function: Sequence[_Row]) -> list[_Row]:
    """Return the rows of a function as they would stand at the beginning of their lines."""
    indent = f"\n{' ' * function[0].indent}"
    return [replace(row, sense=row.sense.replace(indent, "\n", 1)) for row in function]


def _functions(rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Yield the rows of each function whose head is among these: with what is deeper, up to what is not."""
    function: list[_Row] = []
    for row in rows:
        is_deeper = bool(function) and (row.indent > function[0].indent or row.text.strip() in ("", "}", ")", "end"))
        if not is_deeper:
            if function:
                yield function
            function = [row] if spans.head_name(row.text) is not None and row.sense else []
        else:
            function.append(row)
    if function:
        yield function


@dataclass(frozen=True)
class _Side:
    """One side of a hunk: its rows, what each does, and what it does without annotations."""

    start: int
    texts: list[str]
    whole: list[str]
    plain: list[str]

    def rows(self, others: "_Side") -> Iterator[_Row]:
        """Yield the rows; without its annotations one that the other side writes without."""
        written = set(others.whole)
        for index, (text, whole, plain) in enumerate(zip(self.texts, self.whole, self.plain, strict=True)):
            yield _Row(self.start + index, text, plain if whole not in written and plain in written else whole)


def _side(hunk: Hunk, other: str, start: int, language: Language) -> _Side:
    texts = [row[1:] for row in hunk.rows if row[:1] != other]
    plain = senses.unannotated(texts, language)
    whole = senses.senses(texts, language)
    return _Side(start, texts, whole, whole if plain == texts else senses.senses(plain, language))


def _blocks(hunks: Sequence[Hunk], path: str) -> Iterator[_Block]:
    language = senses.language_of(path)
    for hunk in hunks:
        old, new = _side(hunk, "+", hunk.old_start, language), _side(hunk, "-", hunk.new_start, language)
        old_rows, new_rows = old.rows(new), new.rows(old)
        removed: list[_Row] = []
        added: list[_Row] = []
        start = hunk.new_start
        for mark in (*(row[:1] for row in hunk.rows), " "):
            if mark == "-":
                removed.append(next(old_rows))
            elif mark == "+":
                added.append(next(new_rows))
            else:
                if removed or added:
                    yield _Block(tuple(removed), tuple(added), start)
                start += len(added) + 1
                removed, added = [], []
                next(old_rows, None)
                next(new_rows, None)
