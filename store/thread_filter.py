"""Which threads a search finds, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ..contracts.filters import Filter
from ..contracts.threads import ThreadOrder, ThreadStatus

if TYPE_CHECKING:
    from .dialect import Scalar  # with SQLAlchemy, which a search that is only asked for does not need


@dataclass(frozen=True, slots=True)
class ThreadFilter:
    """Those that have all of this; what is left out is not asked for."""

    ids: Sequence[str] | None = None
    """One of these."""
    statuses: Sequence[ThreadStatus] = ()
    """One of these."""
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Objects of scalars: each of them has to be there, at the same depth."""
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Likewise, of the state."""
    matching: Filter | None = None
    """What the metadata have to be besides."""
    user_id: str | None = None
    stateless: bool = False
    """Also the threads that runs have to themselves."""


@dataclass(frozen=True, slots=True)
class ThreadSort:
    """What comes first; threads that are equal in this in the order of their creation."""

    by: ThreadOrder = "created_at"
    descending: bool = True


def leaves(wanted: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Scalar]]:
    """The scalars of an object of objects, each with the keys that lead to it."""
    for key, value in wanted.items():
        if isinstance(value, Mapping):
            yield from leaves(cast("Mapping[str, Any]", value), (*above, key))
        else:
            yield (*above, key), value
