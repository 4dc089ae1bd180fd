"""Records, one a row for a person, or all of them as one JSON document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from pydantic import BaseModel

from .columns import Column, columns
from .output import Output

R = TypeVar("R", bound=BaseModel)


def tell_table(
    output: Output, which: Sequence[Column], found: Sequence[R], row: Callable[[R], Sequence[str]], notes: Iterable[str]
) -> None:
    """`notes`: what a person is told beneath."""
    if output.as_json:
        output.document([one.model_dump(mode="json") for one in found])
        return
    for line in columns(which, [row(one) for one in found]):
        output.line(line)
    for note in notes:
        output.note(note)
