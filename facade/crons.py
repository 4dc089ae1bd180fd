"""`Crons`: runs at the times of a cron expression.

What a cron is stands in the store, when it fires is seen to by a schedule of Temporal. The row comes first and goes
first, so there is never a schedule of a cron that was not yet written:

- a row without a schedule (a creation that was cut off, or a Temporal that lost its data) gets one at the next look;
- a schedule without a row (a deletion that was cut off) is removed by its next firing, which submits nothing.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from ..contracts.actor import resolve_user_id
from ..contracts.crons import CronRecord, CronSpec, in_zone
from ..contracts.errors import CronNotFoundError, InvalidRunError
from ..contracts.filters import Filter
from ..contracts.settings import TemporalSettings
from ..contracts.types import RunSpec, new_run_id
from ..store.contract import Store
from .schedules import Schedules
from .thread_filters import scalars

if TYPE_CHECKING:
    from temporalio.client import Client

    from .creation import Creation

T = TypeVar("T")


class Crons:
    """The crons of one facade: `runs.crons`. Another user's are not found."""

    def __init__(
        self,
        settings: TemporalSettings,
        store: Store,
        temporal: Callable[[], Awaitable[Client]],
        creation: Callable[[], Creation],
    ) -> None:
        self._store = store
        self._creation = creation
        self._schedules = Schedules(settings, temporal, store.installation)

    async def create(self, spec: CronSpec) -> CronRecord:
        """Create a cron; one with the same id that is the same is that one.

        Raises `InvalidRunError` for what cannot be run (nothing is written then), and, safe to repeat with the same
        `cron_id`, `NoWorkerError` and other `UnavailableError`s.
        """
        await self._creation().check(spec.run)
        cron, same = await self._store.crons.create(_record(spec), spec.run)
        if not same:
            raise InvalidRunError(
                f"cron_id {spec.cron_id!r} stands for another cron: delete that one, or leave the id out",
                field="cron_id",
            )
        try:
            await self._schedules.ensure(cron)
        except InvalidRunError:
            await self._store.crons.delete(cron.cron_id)
            raise
        return await self._scheduled(cron, lambda: self._schedules.described(cron))

    async def get(self, cron_id: str) -> CronRecord | None:
        """The cron, `None` for an unknown one."""
        try:
            cron = await self._existing(cron_id)
            return await self._scheduled(cron, lambda: self._schedules.described(cron))
        except CronNotFoundError:
            return None

    async def list(self, *, limit: int = 100, before: str | None = None) -> builtins.list[CronRecord]:
        """The crons, the last created first; `before`: the id at which the last page ended."""
        crons = await self._store.crons.list(user_id=resolve_user_id(), limit=limit, before=before)
        found = await asyncio.gather(*(self.get(cron.cron_id) for cron in crons))
        return [cron for cron in found if cron is not None]

    async def find(
        self,
        *,
        thread_id: str | None = None,
        paused: bool | None = None,
        metadata: Mapping[str, Any] | None = None,
        matching: Filter | None = None,
    ) -> builtins.list[CronRecord]:
        """All crons that have all of this, the last created first, without `next` and `recent`.

        `metadata`: an object of texts, numbers, booleans and nulls, each of which has to be there at the same depth.
        `matching`: what the metadata have to be besides.
        """
        wanted = scalars(metadata, "metadata")
        user_id = resolve_user_id()
        found = await self._store.crons.find(user_id=user_id, thread_id=thread_id, paused=paused, metadata=wanted)
        return [cron for cron in found if matching is None or matching.matches(cron.metadata)]

    async def get_run(self, cron_id: str) -> RunSpec:
        """What each of its firings submits. Raises `CronNotFoundError`."""
        await self._existing(cron_id)
        spec = await self._store.crons.get_spec(cron_id)
        if spec is None:
            raise CronNotFoundError(cron_id)
        return spec

    async def update(self, cron_id: str, spec: CronSpec) -> CronRecord:
        """Let a cron be as the spec says from now on; runs that were submitted stay as they are.

        Raises `CronNotFoundError`, and as `create`; the cron stays as it was then.
        """
        before, run = await self._existing(cron_id), await self.get_run(cron_id)
        await self._creation().check(spec.run)
        kept = {"cron_id": cron_id, "user_id": before.user_id, "created_at": before.created_at}
        cron = _record(spec).model_copy(update={**kept, "updated_at": datetime.now(UTC)})
        if not await self._store.crons.replace(cron, spec.run):
            raise CronNotFoundError(cron_id)
        try:
            await mend(self._store, self._schedules, cron_id)
        except InvalidRunError:
            await self._store.crons.replace(before, run)
            raise
        return await self._scheduled(cron, lambda: self._schedules.described(cron))

    async def pause(self, cron_id: str) -> CronRecord:
        """It fires only by `trigger` and `backfill` until it is resumed. Raises `CronNotFoundError`, as do the next."""
        return await self._set_paused(cron_id, paused=True)

    async def resume(self, cron_id: str) -> CronRecord:
        """It fires again. What it would have fired in between is left out (`backfill` makes up for it)."""
        return await self._set_paused(cron_id, paused=False)

    async def trigger(self, cron_id: str) -> None:
        """Fire now, also when it is paused. The run is submitted in a moment (`CronRecord.recent`)."""
        cron = await self._existing(cron_id)
        await self._scheduled(cron, lambda: self._schedules.trigger(cron_id))

    async def backfill(self, cron_id: str, start: datetime, end: datetime) -> None:
        """Fire for each time from `start` to `end`, both included, in any order and all at once.

        What has fired already is not run again. Moments without an offset are times of the cron's zone. Raises
        `InvalidRunError` for an end before its start.
        """
        cron = await self._existing(cron_id)
        start, end = in_zone(start, cron.timezone), in_zone(end, cron.timezone)
        if end < start:
            raise InvalidRunError(f"the end {end.isoformat()} is before the start {start.isoformat()}", field="end")
        await self._scheduled(cron, lambda: self._schedules.backfill(cron_id, start, end))

    async def delete(self, cron_id: str) -> bool:
        """It fires never again; its runs stay as they are. False if unknown."""
        if not await self._store.crons.delete(cron_id, user_id=resolve_user_id()):
            return False
        await self._schedules.delete(cron_id)
        return True

    async def _set_paused(self, cron_id: str, *, paused: bool) -> CronRecord:
        cron = await self._existing(cron_id)
        await self._store.crons.set_paused(cron_id, paused=paused)
        await self._scheduled(cron, lambda: self._schedules.set_paused(cron_id, paused=paused))
        return await self._scheduled(cron, lambda: self._schedules.described(cron))

    async def _existing(self, cron_id: str) -> CronRecord:
        cron = await self._store.crons.get(cron_id)
        if cron is None or resolve_user_id() not in (None, cron.user_id):
            raise CronNotFoundError(cron_id)
        return cron

    async def _scheduled(self, cron: CronRecord, call: Callable[[], Awaitable[T]]) -> T:
        """What is asked of its schedule, which is made anew where there is none."""
        try:
            return await call()
        except CronNotFoundError:
            await mend(self._store, self._schedules, cron.cron_id)
            return await call()


async def mend(store: Store, schedules: Schedules, cron_id: str) -> None:
    """Let there be a schedule if there is a row, and none if there is none, whoever changes that meanwhile.

    Who writes a row makes the schedule after it, and who removes one removes the schedule after it: so what was the
    case before a change of the schedule has to be so after it.
    """
    while True:
        before = await store.crons.get(cron_id)
        if before is None:
            await schedules.delete(cron_id)
        else:
            await schedules.ensure(before)
        if await store.crons.get(cron_id) == before:
            return


def _record(spec: CronSpec) -> CronRecord:
    return CronRecord(
        **spec.model_dump(exclude={"run", "cron_id"}),
        cron_id=spec.cron_id or new_run_id(),
        assistant_id=spec.run.assistant_id,
        thread_id=spec.run.scope.thread_id,
        user_id=resolve_user_id(),
        created_at=datetime.now(UTC),
    )
