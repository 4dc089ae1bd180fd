"""In SQLite: the scalars at the top of the metadata of threads, in the order in which they are looked for.

Triggers keep them (`v0013_thread_labels`). They say which threads may have something; what these have, they say.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, column, func, literal, select, table

from .dialect import Scalar
from .schema import threads

_LENGTH = 100
"""Of a text, as much as is kept."""
# Not with the other tables: there is none in Postgres, and nobody copies it.
_labels = table("thread_labels", column("key"), column("value"), column("position"))
_OF_MANY = and_(_labels.c.key == "", _labels.c.value == "")
"""Of threads that have too much for it to be kept."""


def may_have(key: str, value: Scalar) -> ColumnElement[bool]:
    """Of all threads that have this at the top of their metadata, and of some others."""
    its = and_(_labels.c.key == literal(key), _labels.c.value == _kept(value))
    # Not by OR, which would look through all of them.
    found = select(_labels.c.position).where(its).union_all(select(_labels.c.position).where(_OF_MANY))
    return threads.c.position.in_(found)


def _kept(value: Scalar) -> ColumnElement[Any]:
    """As the trigger writes it: `true` is 1."""
    if isinstance(value, str):
        return func.substr(literal(value), 1, _LENGTH)
    return literal("" if value is None else int(value) if isinstance(value, bool) else value)
