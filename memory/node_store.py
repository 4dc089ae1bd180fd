"""What every store of graphs is here: LangGraph's, opened by its first call, for calls of both kinds from anywhere."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

from langgraph.store.base import BaseStore, Op, PutOp


class NodeStore(BaseStore):
    """Calls may come from any thread and any event loop: a plain `store.get` works in an `async def` node, too."""

    supports_ttl = True

    @abstractmethod
    def open(self, *, sweeps: bool = False) -> None:
        """Open it now. `sweeps`: remove what expires, from now on; where there is nothing yet, that opens it later.

        Raises `UnavailableError` and `ConfigError`.
        """

    @abstractmethod
    def close(self) -> None:
        """Idempotent; another call opens it again."""


def reads_then_writes(ops: Sequence[Op]) -> Iterator[tuple[list[int], list[Op]]]:
    """Reads first, as LangGraph does; writes for a transaction of their own. Each part with the places of its calls."""
    for writes in (False, True):
        places = [place for place, op in enumerate(ops) if isinstance(op, PutOp) is writes]
        if places:
            yield places, [ops[place] for place in places]
