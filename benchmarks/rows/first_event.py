"""How soon a client sees the first event of a run, and the end of a short one, with nothing else going on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from ..bench import Bench
from ..figures import DEV, OURS, Figure, Goal, Row, milliseconds, ratio
from ..ours import Ours, count, follow
from ..systems import System, first, repeated, whole

_PAUSE = 0.2
"""Seconds between two turns. Nobody answers faster; at once after a run's last event its workflow is still closing."""


async def measure(bench: Bench) -> list[Row]:
    """The LangGraph dev server looks for new runs once a second, so it gets fewer rounds."""
    sizes = bench.sizes
    rounds = {peer.name: sizes.peer_latencies if peer.name == DEV else sizes.latencies for peer in bench.systems}
    begun = {one.name: await _figure(first, one, rounds[one.name]) for one in bench.systems if one.streams}
    ended = {one.name: await _figure(_one_step, one, rounds[one.name]) for one in bench.systems}
    return [
        Row(
            "first_event_new",
            "first stream event, new thread, idle system",
            "ms",
            begun,
            (
                Goal("≤ 50 ms", begun[OURS].median, 50),
                Goal("≤ 1/10 of the LangGraph dev server", ratio(begun[OURS], begun.get(DEV)), 0.1),
            ),
        ),
        await _in_use(bench.ours, sizes.latencies),
        Row("one_step", "run of one superstep, new thread, to its end", "ms", ended),
    ]


async def _figure(measured: Callable[[System], Awaitable[float]], system: System, rounds: int) -> Figure:
    return milliseconds(await repeated(rounds, lambda: measured(system)))


async def _one_step(system: System) -> float:
    return await whole(system, 1)


async def _in_use(ours: Ours, rounds: int) -> Row:
    thread = str(uuid.uuid4())

    async def once() -> float:
        return (await follow(ours.runs, count(1, thread_id=thread)))[0]

    async def next_turn() -> float:
        await asyncio.sleep(_PAUSE)
        return await once()

    figure = milliseconds(await repeated(rounds, next_turn))
    hurried = milliseconds(await repeated(max(1, rounds // 4), once))
    goal = Goal("≤ 35 ms", figure.median, 35)
    notes: dict[str, float] = {"submitted at once after the end of the last run, ms": round(hurried.median, 1)}
    return Row("first_event_used", "first stream event, thread in use", "ms", {OURS: figure}, (goal,), notes=notes)
