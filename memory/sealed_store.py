"""A store of graphs whose values are sealed, above any back end. Namespaces and keys stay clear."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import Any, cast

import orjson
from langgraph.store.base import GetOp, Item, Op, PutOp, Result, SearchItem, SearchOp
from langgraph.store.memory import InMemoryStore

from ..contracts.keyring import Keyring, opened_object, sealed_object
from .node_store import NodeStore

_PAGE = 500
"""Items of one look for a filter."""

Steps = Generator[Sequence[Op], list[Result], list[Result]]
"""Yields what is to be done in the store beneath, and is sent its results."""


class SealedNodeStore(NodeStore):
    """A filter is applied to what was opened, so a search with one reads all items below its namespace."""

    def __init__(self, inner: NodeStore, keyring: Keyring) -> None:
        self._inner = inner
        self._keyring = keyring
        self.ttl_config = inner.ttl_config

    def open(self, *, sweeps: bool = False) -> None:
        self._inner.open(sweeps=sweeps)

    def close(self) -> None:
        self._inner.close()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        steps = self._steps([*ops])
        try:
            asked = next(steps)
            while True:
                asked = steps.send(self._inner.batch(asked))
        except StopIteration as done:
            return cast("list[Result]", done.value)

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        steps = self._steps([*ops])
        asked = next(steps)
        while True:
            results = await self._inner.abatch(asked)
            try:
                asked = steps.send(results)
            except StopIteration as done:
                return cast("list[Result]", done.value)

    def _steps(self, ops: Sequence[Op]) -> Steps:
        """Searches with a filter first: LangGraph reads before it writes, too."""
        filtered: dict[int, Result] = {}
        for place, op in enumerate(ops):
            if isinstance(op, SearchOp) and op.filter:
                filtered[place] = yield from self._search(op)
        others = iter((yield [self._sealed(op) for place, op in enumerate(ops) if place not in filtered]))
        return [filtered[place] if place in filtered else self._opened(next(others)) for place in range(len(ops))]

    def _search(self, op: SearchOp) -> Generator[Sequence[Op], list[Result], Result]:
        found: list[SearchItem] = []
        while True:
            page = op._replace(filter=None, limit=_PAGE, offset=len(found), refresh_ttl=False)
            items = cast("list[SearchItem]", (yield [page])[0])
            found += items
            if len(items) < _PAGE:
                break
        matching = _matching(cast("list[SearchItem]", self._opened(found)), op)[op.offset : op.offset + op.limit]
        if op.refresh_ttl and matching:
            yield [GetOp(item.namespace, item.key) for item in matching]
        return matching

    def _sealed(self, op: Op) -> Op:
        if not isinstance(op, PutOp) or op.value is None:
            return op
        return op._replace(value=cast("dict[str, Any]", sealed_object(self._keyring, orjson.dumps(op.value))))

    def _opened(self, result: Result) -> Result:
        for item in result if isinstance(result, list) else [result]:
            if isinstance(item, Item) and (value := opened_object(self._keyring, item.value)) is not None:
                item.value = orjson.loads(value)
        return result


def _matching(items: Sequence[SearchItem], op: SearchOp) -> list[SearchItem]:
    """By LangGraph's own rules, which its store in memory has."""
    memory = InMemoryStore()
    memory.batch([PutOp(item.namespace, item.key, item.value) for item in items])
    everything = SearchOp(op.namespace_prefix, filter=op.filter, limit=len(items) or 1)
    (found,) = memory.batch([everything])
    named = {(item.namespace, item.key) for item in cast("list[SearchItem]", found)}
    return [item for item in items if (item.namespace, item.key) in named]
