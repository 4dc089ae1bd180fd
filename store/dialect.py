"""What a back end says for itself: where it is, its connections, its transactions, and its words for a few texts.

The rest of the room is SQL that each of them understands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Engine
from sqlalchemy.exc import OperationalError

Scalar = str | int | float | bool | None


class Dialect(Protocol):
    """One database, of a URL that was checked."""

    @property
    def shown(self) -> str:
        """Its URL, as errors may show it."""
        ...

    @property
    def readers(self) -> int:
        """Connections that only read."""
        ...

    @property
    def writers(self) -> int: ...

    def make_place(self) -> None:
        """Create what can be created of the place. Raises `OSError`."""
        ...

    def make_engine(self, connections: int) -> Engine:
        """An engine whose statements each stand for themselves until `begin`. Opens nothing yet."""
        ...

    def make_hasty_engine(self) -> Engine | None:
        """Of one connection that waits for nobody, for what is quick. `None`: nothing is, over a network."""
        ...

    def prepare(self, connection: Connection) -> None:
        """Look at the database, once. Raises `ConfigError` for one that cannot be used."""
        ...

    def begin(self, connection: Connection) -> None:
        """Begin a transaction that writes."""
        ...

    def begin_reading(self, connection: Connection) -> None:
        """Begin to see one state of all rows, until the connection is given back."""
        ...

    def is_busy(self, error: OperationalError) -> bool:
        """Whether others were in the way, and nothing was done, so that another try may do it."""
        ...

    def was_lost_before(self, error: OperationalError, *, reads: bool) -> bool:
        """Whether the connection turned out to be dead before anything was done (`reads`: but reading)."""
        ...

    def first_part(self, text: ColumnElement[str]) -> ColumnElement[str]:
        """What stands before the first slash; empty where there is none."""
        ...

    def has(self, json: ColumnElement[Any], path: Sequence[str], value: Scalar) -> ColumnElement[bool]:
        """Whether an object, a column of JSON that is not sealed, has this; `path`: the keys that lead to it."""
        ...

    def number(self, json: ColumnElement[Any], key: str) -> ColumnElement[Any]:
        """The whole number that such an object has at its top; NULL where there is none."""
        ...

    def may_have(self, path: Sequence[str], value: Scalar) -> ColumnElement[bool]:
        """What an index says of the metadata of a thread: true of all that have this, and of some others."""
        ...

    def lists(self, json: ColumnElement[Any], key: str, value: Scalar) -> ColumnElement[bool]:
        """Whether such an object has a list at its top that has this in it."""
        ...
