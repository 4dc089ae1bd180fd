"""What an authorization handler lets be seen, as a condition on threads."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, false, or_, true

from ..contracts.filters import Condition, Filter
from .dialect import Dialect, Scalar
from .schema import threads


def matching(dialect: Dialect, wanted: Filter) -> ColumnElement[bool]:
    """Whether the metadata of a thread are so."""
    return and_(true(), *(_holds(dialect, condition) for condition in wanted.all))


def has_metadata(dialect: Dialect, path: Sequence[str], value: Scalar) -> ColumnElement[bool]:
    """Whether the metadata of a thread have this, found by an index where there is one."""
    return and_(dialect.may_have(path, value), dialect.has(threads.c.metadata, path, value))


def _holds(dialect: Dialect, condition: Condition) -> ColumnElement[bool]:
    column = threads.c.metadata
    if condition.op in ("or", "and"):
        both = (matching(dialect, group) for group in condition.groups)
        return or_(false(), *both) if condition.op == "or" else and_(true(), *both)
    if condition.op == "eq":
        return has_metadata(dialect, (condition.key,), condition.values[0])
    return and_(true(), *(dialect.lists(column, condition.key, value) for value in condition.values))
