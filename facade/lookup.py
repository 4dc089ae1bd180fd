"""Which runs there are: a record alone does not make one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..contracts.actor import resolve_user_id
from ..contracts.errors import RunNotFoundError
from ..contracts.settings import TemporalSettings
from ..contracts.types import RunStatus
from ..contracts.wire import run_workflow_id
from ..store.contract import Store, StoredRun

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHandle

_LOOKS, _PAUSE = 20, 0.05
"""How often, and with which pause (seconds), it is looked whether a workflow ends at once."""


class RunLookup:
    """Runs by their ids, in the store and in Temporal."""

    def __init__(self, settings: TemporalSettings, store: Store, temporal: Callable[[], Awaitable[Client]]) -> None:
        self._settings = settings
        self._store = store
        self._temporal = temporal

    async def find(self, run_id: str) -> StoredRun | None:
        """What the store has of a run, be it a draft. Another user's is not found."""
        stored = await self._store.get(run_id)
        user_id = resolve_user_id()
        return None if stored is None or user_id not in (None, stored.record.user_id) else stored

    async def existing(self, run_id: str) -> StoredRun:
        """Raises `RunNotFoundError`."""
        stored = await self.find(run_id)
        if stored is None or not await self.exists(stored):
            raise RunNotFoundError(run_id)
        return stored

    async def exists(self, stored: StoredRun) -> bool:
        """A draft is a run only if Temporal has it: its submission may have been cut off half way."""
        if stored.submitted:
            return True
        run_id = stored.record.run_id
        try:
            await self._describe(run_id)
        except RunNotFoundError:
            return False
        await self._store.mark_submitted(run_id)
        return True

    async def workflow(self, run_id: str) -> WorkflowHandle[Any, Any]:
        """The workflow of a run, whether it exists or not."""
        return (await self._temporal()).get_workflow_handle(run_workflow_id(run_id))

    async def shown_status(self, run_id: str) -> RunStatus | None:
        """The status that the run's workflow shows, which may be decided and not yet in the record.

        `None` until it shows one. Raises `RunNotFoundError`.
        """
        from ..contracts.search_attributes import RUN_STATUS  # with Temporal's client, which is heavy

        found = await self._describe(run_id)
        shown = found.typed_search_attributes.get(RUN_STATUS)
        return None if shown is None else RunStatus(shown)

    async def has_closed(self, run_id: str) -> bool:
        """Whether there is a workflow of this run that has ended, or does so at once: its record is written before."""
        from temporalio.client import WorkflowExecutionStatus

        for _ in range(_LOOKS):
            try:
                found = await self._describe(run_id)
            except RunNotFoundError:
                return False
            if found.status is not WorkflowExecutionStatus.RUNNING:
                return True
            await asyncio.sleep(_PAUSE)
        return False

    async def _describe(self, run_id: str) -> WorkflowExecutionDescription:
        from .translation import translated  # with Temporal's client, which a look at a record does not need

        workflow = await self.workflow(run_id)
        with translated(self._settings, run_id=run_id):
            return await workflow.describe()
