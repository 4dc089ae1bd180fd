"""What a graph writes that cannot be stored, or cannot be read back: told by whom and where, when it is written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..contracts.errors import TypeNotAllowedError, UnstorableError
from ..contracts.serialization.allowed_types import TypeName, named_types
from ..contracts.serialization.serde import Serializer, unstorable
from ..contracts.serialization.text import repr_of

logger = logging.getLogger(__name__)

AuthorsOf = Callable[[tuple[str, ...], str, str | None], Iterable[str]]
"""The nodes that have written a channel of the graph of a namespace; the node of a task, if one is named."""

_serializer = Serializer()
_looked_at = set[TypeName]()


def nobody(namespace: tuple[str, ...], channel: str, task_id: str | None) -> Iterable[str]:
    """No authors are known."""
    return ()


@dataclass(frozen=True, slots=True)
class Save:
    """One save of a run. `namespace`: of its graph, as checkpoints have it."""

    run_id: str
    authors: AuthorsOf
    namespace: str
    task_id: str | None = None

    @contextmanager
    def of(self, values: Iterable[tuple[str, Any]]) -> Generator[None]:
        """Save values of channels. Raises `UnstorableError`: the format says only that something cannot be stored."""
        try:
            yield
        except (TypeError, ValueError, RecursionError) as exc:
            for channel, value in values:
                if found := unstorable(value, _serializer.dumps_typed):
                    raise UnstorableError(self.run_id, self._nodes(channel), channel + found[0], found[1]) from exc
            raise

    def warn(self, writes: Sequence[tuple[str, Any]]) -> None:
        """Once for each type that is stored, and not built again: better known now than after a crash."""
        for channel, value in writes:
            if types := _not_read_back(value):
                logger.warning(
                    "run %s: %s wrote into %s what may not be built when the run goes on from its checkpoint: %s. "
                    "Annotate the state with it, or add it to checkpointer.allowed_types",
                    *(self.run_id, ", ".join(self._nodes(channel)) or "a node", channel, ", ".join(types)),
                )

    def _nodes(self, channel: str) -> list[str]:
        return [*self.authors(tuple(filter(None, self.namespace.split("|"))), channel, self.task_id)]


def _not_read_back(value: object) -> tuple[str, ...]:
    new = {*named_types(value)} - _looked_at
    if not new:
        return ()
    _looked_at.update(new)
    try:
        _serializer.loads_typed(_serializer.dumps_typed(value))
    except TypeNotAllowedError as exc:
        return exc.types
    except Exception:  # noqa: BLE001 - it cannot be stored at all, which the save itself will tell
        return ()
    return ()


def storable(writes: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """LangGraph stores an exception as its `repr`, which may be no valid text, or raise."""
    for channel, value in writes:
        yield channel, repr_of(value) if isinstance(value, BaseException) else value
