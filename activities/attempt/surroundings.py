"""What is around the work of an activity for a run: its heartbeat, its span, its actor, and whom its logs are about."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ...contracts.actor import bind_actor
from ...contracts.telemetry.log_context import log_context
from ...contracts.wire import RunWork
from .heartbeat import Heartbeat, Pulse, heartbeating
from .spans import activity_span


@asynccontextmanager
async def surroundings(work: RunWork, pulse: Pulse) -> AsyncGenerator[Heartbeat]:
    """Around one attempt of an activity."""
    with (
        log_context(run_id=work.run_id, thread_id=work.thread_id),
        bind_actor(work.user_id),
        activity_span(work.trace, work.run_id, work.thread_id, work.fence),
    ):
        async with heartbeating(pulse) as heartbeat:
            yield heartbeat
