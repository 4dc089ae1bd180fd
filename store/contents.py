"""The large contents of a run's events: each chunk is kept once, and a row names those that it is made of.

They are those of one run, and go with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, func, select

from ..contracts.chunking import SMALLEST, chunks_of, from_ranges, to_ranges
from ..contracts.serialization.serializer import from_json
from .schema import run_contents, runs
from .sealing import Json, column_digest
from .upsert import insert

_CONTENTS = run_contents.c
_AT_ONCE = 500  # parameters of one statement
_OF_RUN = _CONTENTS.run == bindparam("of")
_KNOWN = select(_CONTENTS.digest, _CONTENTS.number).where(
    _OF_RUN, _CONTENTS.digest.in_(bindparam("digests", expanding=True))
)
_LAST = select(func.coalesce(func.max(_CONTENTS.number), 0)).where(_OF_RUN)
_INSERT = insert(run_contents)
_POSITION = select(runs.c.position).where(runs.c.run_id == bindparam("of_run"))
_DROP = delete(run_contents).where(_CONTENTS.run == _POSITION.scalar_subquery())
_FOUND = (
    select(_CONTENTS.number, _CONTENTS.data)
    .join(runs, runs.c.position == _CONTENTS.run)
    .where(runs.c.run_id == bindparam("of_run"), _CONTENTS.number.between(bindparam("first"), bindparam("last")))
)


def columns(connection: Connection, run_id: str, content: bytes | None) -> dict[str, Any]:
    """The columns of an event that has this content, strict JSON; what is large is kept."""
    if content is None or len(content) < SMALLEST:
        return {"content": None if content is None else Json(content), "chunks": None}
    parts = chunks_of(content)
    digests = [column_digest(part) for part in parts]
    chunks = dict(zip(digests, parts, strict=True))
    run: int = connection.execute(_POSITION, {"of_run": run_id}).scalar_one()
    numbers = _known(connection, run, chunks)
    if new := [digest for digest in chunks if digest not in numbers]:
        last: int = connection.execute(_LAST, {"of": run}).scalar_one()
        numbers |= {digest: number for number, digest in enumerate(new, last + 1)}
        rows = [{"run": run, "number": numbers[one], "digest": one, "data": chunks[one]} for one in new]
        connection.execute(_INSERT, rows)
    return {"content": None, "chunks": to_ranges(numbers[digest] for digest in digests)}


def _known(connection: Connection, run: int, digests: Iterable[bytes]) -> dict[bytes, int]:
    wanted, found = [*digests], dict[bytes, int]()
    for start in range(0, len(wanted), _AT_ONCE):
        some = {"of": run, "digests": wanted[start : start + _AT_ONCE]}
        found |= {digest: number for digest, number in connection.execute(_KNOWN, some)}  # noqa: C416 - a result has `keys`
    return found


def load(connection: Connection, rows: Sequence[RowMapping]) -> list[Any]:
    """The contents of rows that have `run_id`, `content` and `chunks`, in their order."""
    kept = {run_id: _chunks(connection, run_id, rows) for run_id in {row["run_id"] for row in rows if row["chunks"]}}
    return [_content(row, kept.get(row["run_id"], {})) for row in rows]


def _content(row: RowMapping, kept: Mapping[int, bytes]) -> Any:
    if row["chunks"] is None:
        return row["content"]
    return from_json(b"".join(kept[number] for numbers in from_ranges(row["chunks"]) for number in numbers))


def _chunks(connection: Connection, run_id: str, rows: Sequence[RowMapping]) -> dict[int, bytes]:
    """Those between the first and the last that are needed."""
    texts = {row["chunks"] for row in rows if row["run_id"] == run_id and row["chunks"]}
    ranges = [numbers for text in texts for numbers in from_ranges(text)]
    ends = {"first": min(numbers[0] for numbers in ranges), "last": max(numbers[-1] for numbers in ranges)}
    found = connection.execute(_FOUND, {"of_run": run_id, **ends})
    return {number: data for number, data in found}  # noqa: C416 - a result has `keys`


def drop(connection: Connection, run_id: str) -> None:
    """Nothing of the run names them any more."""
    connection.execute(_DROP, {"of_run": run_id})
