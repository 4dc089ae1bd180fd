"""The specs of the runs that a worker is busy with, so that not each activity reads them again."""

from __future__ import annotations

from collections import OrderedDict

from ...contracts.errors import TypeNotAllowedError
from ...contracts.serialization.allowed_types import refusing_types
from ...contracts.types import RunSpec
from ...store.contract import RunQueryStore

_KEPT = 500
"""Specs: of more runs than a worker has at work at a time. One that is missing is read again."""


class SpecCache:
    """Reads a spec once for each run. The input is left out of what is kept: it may be large, and is needed once."""

    def __init__(self, store: RunQueryStore) -> None:
        self._store = store
        self._kept: OrderedDict[str, RunSpec] = OrderedDict()

    async def full(self, run_id: str) -> RunSpec:
        """The spec with its input, for the graph. Raises `RunNotFoundError` or `TypeNotAllowedError`."""
        try:
            with refusing_types():
                return self._keep(run_id, await self._store.get_spec(run_id))
        except TypeNotAllowedError as exc:
            raise exc.of(run_id) from None

    def _keep(self, run_id: str, spec: RunSpec) -> RunSpec:
        self._kept[run_id] = spec.model_copy(update={"input": _LEFT_OUT if spec.input is not None else None})
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return spec

    async def without_input(self, run_id: str) -> RunSpec:
        """The spec, its input replaced by a stand-in that only tells whether there is one: not for the graph."""
        if run_id not in self._kept:
            self._keep(run_id, await self._store.get_spec(run_id))
        return self._kept[run_id]

    def drop(self, run_id: str) -> None:
        """The run has ended."""
        self._kept.pop(run_id, None)


_LEFT_OUT = "(left out)"
