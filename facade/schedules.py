"""The schedules of crons: what Temporal is told of a cron, and asked about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleBackfill,
    ScheduleCalendarSpec,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
)

from ..contracts.cron_fields import CronCalendar, ranges, read_cron
from ..contracts.cron_zones import in_utc
from ..contracts.crons import CronRecord, fired_run_id
from ..contracts.errors import CronNotFoundError
from ..contracts.settings import TemporalSettings
from ..contracts.wire import FIRE_WORKFLOW
from ..contracts.wire_cron import FireInput, cron_schedule_id
from ..contracts.wire_thread import WORKFLOW_TASK_TIMEOUT
from .translation import cron_call

_RPC_LIMIT = timedelta(seconds=10)
_SHOWN = 5
"""Times at which a cron fires next, and runs that it has submitted lately."""
_AT_ONCE = 10
"""Calls at a time, to describe many."""


class Schedules:
    """Schedules of one installation. Every call raises `UnavailableError`, and may be repeated."""

    def __init__(
        self, settings: TemporalSettings, temporal: Callable[[], Awaitable[Client]], installation: str
    ) -> None:
        self._settings = settings
        self._temporal = temporal
        self._installation = installation
        self._describing = asyncio.Semaphore(_AT_ONCE)

    async def ensure(self, cron: CronRecord) -> None:
        """Let there be a schedule that is as the cron says. Raises `InvalidRunError` for what Temporal refuses."""
        client, schedule = await self._temporal(), self._schedule(cron)
        with cron_call(self._settings, cron.cron_id):
            try:
                await client.create_schedule(self._id(cron.cron_id), schedule, rpc_timeout=_RPC_LIMIT)
            except ScheduleAlreadyRunningError:
                handle = client.get_schedule_handle(self._id(cron.cron_id))
                await handle.update(lambda _: ScheduleUpdate(schedule), rpc_timeout=_RPC_LIMIT)

    async def described(self, cron: CronRecord) -> CronRecord:
        """The cron as Temporal shows it. Raises `CronNotFoundError` when it has no schedule of it."""
        async with self._describing, self._asking(cron.cron_id) as schedule:
            found = await schedule.describe(rpc_timeout=_RPC_LIMIT)
        shown = {
            "paused": found.schedule.state.paused,
            "next": tuple(found.info.next_action_times[:_SHOWN]),
            "recent": self._recent(cron.cron_id, found),
        }
        return cron.model_copy(update=shown)

    async def set_paused(self, cron_id: str, *, paused: bool) -> None:
        """Whether it fires by hand only. Raises `CronNotFoundError`, as do the next two."""
        async with self._asking(cron_id) as schedule:
            await (schedule.pause if paused else schedule.unpause)(rpc_timeout=_RPC_LIMIT)

    async def trigger(self, cron_id: str) -> None:
        """Fire now."""
        async with self._asking(cron_id) as schedule:
            await schedule.trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL, rpc_timeout=_RPC_LIMIT)

    async def backfill(self, cron_id: str, start: datetime, end: datetime) -> None:
        """Fire for all times from `start` to `end`, both included."""
        # Temporal leaves out what is due at the very start.
        times = ScheduleBackfill(start - timedelta(seconds=1), end, overlap=ScheduleOverlapPolicy.ALLOW_ALL)
        async with self._asking(cron_id) as schedule:
            await schedule.backfill(times, rpc_timeout=_RPC_LIMIT)

    async def delete(self, cron_id: str) -> None:
        """Fire never again. Idempotent."""
        with suppress(CronNotFoundError):
            async with self._asking(cron_id) as schedule:
                await schedule.delete(rpc_timeout=_RPC_LIMIT)

    @asynccontextmanager
    async def _asking(self, cron_id: str) -> AsyncGenerator[ScheduleHandle]:
        client = await self._temporal()
        with cron_call(self._settings, cron_id):
            yield client.get_schedule_handle(self._id(cron_id))

    def _id(self, cron_id: str) -> str:
        return cron_schedule_id(cron_id, self._installation)

    def _recent(self, cron_id: str, found: ScheduleDescription) -> tuple[str, ...]:
        before = f"{self._id(cron_id)}-"
        started = [one.action for one in reversed(found.info.recent_actions)]
        ids = [one.workflow_id for one in started if isinstance(one, ScheduleActionExecutionStartWorkflow)]
        return tuple(fired_run_id(cron_id, one.removeprefix(before)) for one in ids[:_SHOWN])

    def _schedule(self, cron: CronRecord) -> Schedule:
        calendars, timezone = in_utc(read_cron(cron.schedule), cron.timezone)
        return Schedule(
            action=ScheduleActionStartWorkflow(
                FIRE_WORKFLOW,
                FireInput(installation=self._installation, cron_id=cron.cron_id),
                id=self._id(cron.cron_id),
                task_queue=self._settings.task_queue,
                task_timeout=WORKFLOW_TASK_TIMEOUT,
                static_summary=f"cron {cron.cron_id}",
            ),
            spec=ScheduleSpec(
                calendars=[_calendar(one, cron.schedule) for one in calendars],
                start_at=cron.starts_at,
                end_at=cron.ends_at,
                jitter=timedelta(seconds=cron.jitter) if cron.jitter else None,
                time_zone_name=timezone,
            ),
            # A firing only submits, so the next one has nothing to wait for: it is the thread that has runs in line.
            policy=SchedulePolicy(
                overlap=ScheduleOverlapPolicy.ALLOW_ALL, catchup_window=timedelta(seconds=cron.catch_up)
            ),
            state=ScheduleState(paused=cron.paused),
        )


def _calendar(calendar: CronCalendar, text: str) -> ScheduleCalendarSpec:
    minutes, hours, days, months, weekdays = (
        [ScheduleRange(first, last) for first, last in ranges(values)]
        for values in (
            calendar.minutes,
            calendar.hours,
            calendar.days_of_month,
            calendar.months,
            calendar.days_of_week,
        )
    )
    return ScheduleCalendarSpec(
        minute=minutes, hour=hours, day_of_month=days, month=months, day_of_week=weekdays, comment=text
    )
