"""Joins stack traces that the log shipper split over several entries.

Only entries of one source are joined, so pods that write at once are kept separate; within a source, what a logger
writes before its lines separates threads and requests, and a line with its own header may come between the parts.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import timedelta

from shared.analysis.logs.levels import Level
from shared.analysis.logs.lines import plain_lines, prefixes, trace_lines
from shared.analysis.logs.lines.blocks import Block, Line
from shared.analysis.logs.parse import LogEntry, Source, first_line

# Parts of one trace are written within milliseconds; two seconds allow for a slow shipper.
MAX_GAP = timedelta(seconds=2)
MAX_TRACE_ENTRIES = 400
MAX_OPEN = 8
"""Threads of one process that write traces at once."""
MAX_HELD = 20
"""Lines of a message before the first frame."""
RANK: dict[Level, int] = {"unknown": 0, "debug": 1, "info": 2, "warning": 3, "error": 4, "fatal": 5}


def assemble(entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
    """
    Yield the entries with split traces joined, in the order of their first part; `entries` come oldest first.

    Only entries of the last MAX_GAP are held: what is older can no longer be continued.
    """
    waiting: deque[Block] = deque()
    open_blocks: dict[Source, list[Block]] = {}
    for entry in entries:
        started, open_blocks[entry.source] = _added(open_blocks.get(entry.source, []), entry)
        if started is not None:
            waiting.append(started)
        while waiting and (waiting[0].closed or not _is_near(waiting[0], entry)):
            yield from _joined(waiting.popleft())
    for block in waiting:
        yield from _joined(block)


def _added(latest: list[Block], entry: LogEntry) -> tuple[Block | None, list[Block]]:
    """Return the block that the entry starts, or None when it continued one, and the blocks that are still open."""
    if (not latest or latest[-1].quiet) and _is_quiet(entry):
        # While a source writes no trace, all its lines; the others take several times as long.
        for block in latest:
            block.closed = True
        started = Block([entry], quiet=True)
        return started, [started]
    line = _line(entry)
    blocks = [block for block in latest if not block.closed and _is_near(block, entry)]
    if _passes(blocks, line):
        # Most lines of a source that has written a trace.
        started = Block([entry], line)
        return started, _going_on(blocks, line, started)
    for block in _candidates(blocks, line):
        may_be_anothers = block is not blocks[-1] and not line.header
        if _joins(block, line):
            block.is_interleaved = block.is_interleaved or may_be_anothers
            return None, blocks
    started = _start(line)
    return started, _still_open(blocks, line, started)


def _is_quiet(entry: LogEntry) -> bool:
    return RANK[entry.level] < RANK["warning"] and trace_lines.is_quiet(entry.text[: prefixes.MAX_HEADER])


def _line(entry: LogEntry) -> Line:
    return Line(entry, entry.text[: prefixes.header_end(entry.text)])


def _passes(blocks: list[Block], line: Line) -> bool:
    """
    Return whether the line surely continues none of the blocks, nor may be a part of the message of one.

    It says of most lines, in a fraction of the time, what trying every block says of all.
    """
    text = line.entry.text
    if not plain_lines.is_plain(text, len(line.header)):
        return False
    if not line.header:
        is_alone = not (trace_lines.is_go_function(text) or trace_lines.CONTINUES.match(text))
        return is_alone and all(block.is_calm for block in blocks)
    if not line.is_ordinary:
        return False
    for block in blocks:
        may_go_on = not block.is_calm or _may_go_on(block, line)
        if may_go_on and (_has_prefix(block, line) or _is_of_thread(block, line)):
            return False
    return True


def _is_near(block: Block, entry: LogEntry) -> bool:
    return bool(block.parts) and entry.at - block.parts[-1].at <= MAX_GAP and len(block.parts) < MAX_TRACE_ENTRIES


def _candidates(blocks: list[Block], line: Line) -> list[Block]:
    """Return the blocks that the line may continue, the likeliest first."""
    newest = blocks[::-1]
    for block in newest:
        if block.quiet:
            block.quiet, block.line = False, _line(block.parts[0])
    if trace_lines.python_start(line.entry.text):
        # The line right before it introduces a trace, whoever wrote that.
        return [block for block in newest if block is newest[0] or (block.is_trace and _may_be_of(block, line))]
    if line.header:
        return [block for block in newest if _has_prefix(block, line) or _is_of_thread(block, line)]
    unfinished = [block for block in newest if not block.finished]
    others = [
        block for block in newest if block.finished and (block is newest[0] or block.has_frames or block.announces)
    ]
    if others and others[0].is_ordinary and trace_lines.is_of_trace(line.entry.text[: trace_lines.MAX_HEAD]):
        # A line of another thread between two lines of a trace.
        others = [*others[1:], others[0]]
    return [*unfinished, *others]


def _has_prefix(block: Block, line: Line) -> bool:
    return block.prefix is not None and block.prefix.match(line.entry.text) is not None


def _may_be_of(block: Block, line: Line) -> bool:
    return not line.header or _is_of_thread(block, line)


def _is_of_thread(block: Block, line: Line) -> bool:
    """Return whether the line has the block's header, or the part of it that Rails and others repeat alone."""
    tag = line.tag
    return block.tag == tag or bool(tag and (block.tag.startswith(f"{tag} ") or block.tag.endswith(f" {tag}")))


def _still_open(blocks: list[Block], line: Line, started: Block) -> list[Block]:
    """Return the blocks that may be continued once another one started, with that where none holds it."""
    holder = next((block for block in reversed(blocks) if _holds(block, line)), None)
    if holder is not None:
        holder.held.append(started)
        return blocks
    return _going_on(blocks, line, started)


def _going_on(blocks: list[Block], line: Line, started: Block) -> list[Block]:
    """Close the blocks that nothing can continue once another one started, and return the others with that."""
    may_go_on = [block for block in blocks if _may_go_on(block, line)][1 - MAX_OPEN :]
    for block in blocks:
        if block not in may_go_on:
            block.close()
    may_go_on.append(started)
    return may_go_on


def _holds(block: Block, line: Line) -> bool:
    """Return whether the line may be a part of the message that the block announces a trace with."""
    text = line.entry.text
    if block.is_trace or len(block.held) >= MAX_HELD or "\n" in text.rstrip():
        return False
    if line.header and (line.is_ordinary or not _is_of_thread(block, line)):
        return False
    if trace_lines.is_go_function(text):
        return not block.is_ordinary
    rest = text[len(line.header) :]
    return block.announces and bool(trace_lines.BANNER.match(rest) or not trace_lines.announces(rest))


def _may_go_on(block: Block, line: Line) -> bool:
    """Return whether the block may be continued after a line that did not."""
    is_error = RANK[block.parts[0].level] >= RANK["warning"]
    if not (is_error or block.is_trace or block.announces):
        return False
    if not (block.is_trace or block.announces or block.tag):
        return False
    if not line.header:
        return not block.finished
    return block.tag != line.tag or not block.finished or line.is_ordinary


def _start(line: Line) -> Block:
    entry = line.entry
    block = Block([entry], line)
    if "\n" in entry.text.rstrip():
        return block
    rest = entry.text[len(line.header) :]
    _note_words(block, rest)
    _note_python(block, entry.text, rest)
    return block


def _note_words(block: Block, text: str) -> None:
    block.go = block.go or trace_lines.starts_go(text)
    block.rust = block.rust or trace_lines.RUST_WORD in text
    block.announces = block.announces or trace_lines.announces(text)


def _note_python(block: Block, text: str, rest: str) -> None:
    """Note the start of a Python trace; that of a SyntaxError may be a frame."""
    start = trace_lines.python_start(text)
    if start or rest.lstrip().startswith('File "'):
        block.python, block.finished, block.indent = True, False, 0 if start else _indent(rest)
        if start and start["prefix"].strip(" |+") and block.prefix is None:
            block.prefix = prefixes.pattern_of(start["prefix"].rstrip(" +|"))


def _joins(block: Block, line: Line) -> bool:
    """Add the entry to the block when it continues the block; return whether it does."""
    text = _without_prefix(block, line)
    if text is None:
        return False
    if not text.strip():
        block.blanks.append(line.entry)
        return True
    if trace_lines.python_start(text):
        return _joins_python_start(block, line, text)
    if "\n" in text.rstrip() and not (block.python or (block.prefix and prefixes.is_frame(text))):
        return False
    text = text[: trace_lines.MAX_LINE]
    if not _continues(block, line, text):
        return False
    block.take(line.entry)
    _note(block, text)
    return True


def _continues(block: Block, line: Line, text: str) -> bool:
    if prefixes.is_frame(text):
        return True
    if trace_lines.CONTINUES.match(text):
        return block.expects_more or not line.header
    if block.rust and (len(block.parts) == 1 or text.startswith(trace_lines.RUST_GOES_ON)):
        # The line after the place of a panic is its message.
        return True
    if block.python and not block.finished:
        return True
    is_banner = not block.has_frames and trace_lines.BANNER.match(block.parts[0].text)
    return bool((is_banner and trace_lines.RAISED.match(text)) or (block.go and trace_lines.GO_FRAME.match(text)))


def _note(block: Block, text: str) -> None:
    """Note what the block is after this line."""
    block.has_frames = block.has_frames or prefixes.is_frame(text)
    block.go = block.go or bool(trace_lines.GO_PLACE.match(text))
    _note_words(block, text)
    bare = trace_lines.MARGIN.sub("", text)
    if bare.lstrip().startswith('File "'):
        block.python, block.finished, block.indent = True, False, _indent(bare)
    elif trace_lines.CONNECTOR.search(text) or trace_lines.MEMBER.match(text):
        block.finished = False
    elif _ends_python(block, bare):
        block.finished = True


def _ends_python(block: Block, bare: str) -> bool:
    """Return whether a line after frames is the exception, which stands where their indentation ends."""
    indent = _indent(bare)
    return (indent == 0 and bare[:1] not in "^~") or (
        indent < block.indent and trace_lines.RAISED.match(bare.lstrip()) is not None
    )


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _joins_python_start(block: Block, line: Line, text: str) -> bool:
    """Join the start of a trace to the error line right before it, or to the exception it follows."""
    follows = bool(trace_lines.CONNECTOR.search(block.parts[-1].text)) or (block.python and not block.finished)
    introduced = len(block.parts) == 1 and not block.python and RANK[block.parts[0].level] >= RANK["warning"]
    if not (follows or introduced):
        return False
    block.take(line.entry)
    _note_python(block, line.entry.text, text)
    return True


def _without_prefix(block: Block, line: Line) -> str | None:
    """Return the text without what starts each line of the block; None when it starts with something else."""
    text = line.entry.text
    match = block.prefix.match(text) if block.prefix else None
    if match:
        return text[match.end() :]
    if not line.header:
        return text
    if not _is_of_thread(block, line) or (block.prefix and block.is_trace):
        return text if trace_lines.python_start(text) else None
    if not text[len(line.header) :].strip():
        return "" if block.expects_more else None
    block.prefix = prefixes.pattern_of(prefixes.common_prefix(block.parts[0].text, text, line.header))
    match = block.prefix.match(text)
    return text[match.end() :] if match else text


def _joined(block: Block) -> Iterator[LogEntry]:
    """Yield the block as one entry; nothing of one that became part of another."""
    if len(block.parts) <= 1:
        yield from block.parts
        return
    head = block.parts[0]
    text = "\n".join(part.text.rstrip("\n") for part in block.parts)
    level = max((part.level for part in block.parts), key=lambda level: RANK[level])
    message, parts = first_line(text), len(block.parts)
    yield LogEntry(head.at, level, text, message, head.source, head.service, parts, is_interleaved=block.is_interleaved)
