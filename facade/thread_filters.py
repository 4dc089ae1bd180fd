"""What a search for threads may ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..contracts.actor import resolve_user_id
from ..contracts.errors import InvalidRunError
from ..contracts.filters import Filter
from ..contracts.threads import ThreadStatus
from ..store.thread_filter import ThreadFilter
from .choices import chosen

_MOST_LEAVES = 100
"""Databases bound the depth of a condition."""


def thread_filter(
    *,
    ids: Sequence[str] | None = None,
    status: ThreadStatus | str | Sequence[ThreadStatus] | None = None,
    metadata: Mapping[str, Any] | None = None,
    values: Mapping[str, Any] | None = None,
    matching: Filter | None = None,
) -> ThreadFilter:
    """The bound actor finds only its own. Raises `InvalidRunError`, naming the field."""
    given = () if status is None else (status,) if isinstance(status, str) else status
    return ThreadFilter(
        ids=ids,
        statuses=tuple(chosen(ThreadStatus, one, "thread status", field="status") for one in given),
        metadata=scalars(metadata, "metadata"),
        values=scalars(values, "values"),
        matching=matching,
        user_id=resolve_user_id(),
    )


def _is_scalar(value: object) -> bool:
    """Numbers of more than 64 bits are kept as texts."""
    return isinstance(value, str | float | bool | None) or (isinstance(value, int) and -(2**63) <= value < 2**63)


def scalars(given: Mapping[str, Any] | None, field: str) -> Mapping[str, Any]:
    """What can be looked for. Raises `InvalidRunError`."""
    wanted = given or {}
    pairs, left = [(field, wanted)], _MOST_LEAVES
    while pairs:
        place, inside = pairs.pop()
        for key, value in inside.items():
            left -= 1
            if isinstance(value, Mapping):
                pairs.append((f"{place}.{key}", cast("Mapping[str, Any]", value)))
            elif '"' in key or not _is_scalar(value) or not left:
                raise InvalidRunError(
                    f"{place}.{key}: what is looked for are texts, numbers, booleans and nulls in objects, "
                    f"at most {_MOST_LEAVES} of them",
                    field=field,
                )
    return wanted
