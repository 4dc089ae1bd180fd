"""Content-defined chunking: what grows, or repeats what was there before, shares its chunks with it.

Of a conversation that is told again with each call only the newest messages are new. A chunk ends between two elements
of a list of objects, wherever that list stands in its content, so that a message is the same chunk in each. What is
long without such a place, like a prompt in one text, has chunks of one size: it shares those before the first change.

Each chunk of a run has a number, and a content is a list of them. A conversation has its chunks in a row: `1-41 45`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from zlib import crc32

SMALLEST = 1024
"""Bytes of a content that is worth it, and of a chunk on the average."""
_LARGEST = 4096
"""Bytes of a chunk without a boundary (one long text), so that a change in it does not cost all of it."""
_BOUNDARY = re.compile(rb"(?<=\})(?=,\{|\])")


def chunks_of(content: bytes) -> list[bytes]:
    """The chunks, which joined are the content."""
    chunks: list[bytes] = []
    start = 0
    for end in _ends(content):
        chunks += [content[at : min(at + _LARGEST, end)] for at in range(start, end, _LARGEST)]
        start = end
    return chunks


def _ends(content: bytes) -> Iterator[int]:
    """Whether a chunk ends behind an element is told by the element alone: what is before it may have changed."""
    begin = 0
    for boundary in _BOUNDARY.finditer(content):
        end = boundary.end()
        if end - begin >= SMALLEST or crc32(content[begin:end]) % SMALLEST < end - begin:
            yield end
        begin = end
    yield len(content)


def digest_of(chunk: bytes) -> bytes:
    """By which a chunk is known: 16 bytes."""
    return blake2b(chunk, digest_size=16).digest()


def to_ranges(numbers: Iterable[int]) -> str:
    """Numbers of chunks as text."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def from_ranges(text: str) -> Iterator[range]:
    """The numbers of a text that `to_ranges` wrote, in order."""
    for one in text.split():
        first, _, last = one.partition("-")
        yield range(int(first), int(last or first) + 1)
