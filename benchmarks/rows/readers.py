"""Many readers of one run: live, and of a long stream that is over. All must read the same."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator

from perdure import StreamEvent

from ..bench import Bench
from ..figures import OURS, Figure, Goal, Row
from ..ours import Ours, count, spec, succeeded
from ..processes import memory_mb

Digest = tuple[int, str]
"""How many events, and what they are."""


async def measure(bench: Bench) -> list[Row]:
    """All readers are in this process."""
    return [await _live(bench), await _replay(bench)]


async def _live(bench: Bench) -> Row:
    readers = bench.sizes.live_readers
    record = await bench.ours.runs.create_background(count(100, 0.02))
    return await _row(
        bench.ours, "live_readers", f"{readers} subscribers to a run of 2 s, live", record.run_id, readers
    )


async def _replay(bench: Bench) -> Row:
    sizes = bench.sizes
    given = {"tokens": sizes.replayed_events, "interval": 0.0, "length": 0}
    record = await bench.ours.runs.create_background(spec("events", given, stream_modes=("custom",)))
    await succeeded(bench.ours.runs, record)
    what = f"{sizes.replays} readers replay {sizes.replayed_events:,} events"
    return await _row(bench.ours, "replays", what, record.run_id, sizes.replays)


async def _row(ours: Ours, key: str, what: str, run_id: str, readers: int) -> Row:
    before = memory_mb(os.getpid())
    began = time.perf_counter()
    read = await asyncio.gather(*(_read(ours, run_id) for _ in range(readers)))
    took = time.perf_counter() - began
    after = memory_mb(os.getpid())
    events = sum(number for number, _ in read)
    complete = min(number for number, _ in read) == await _last_id(ours, run_id)
    notes: dict[str, float] = {"events read a second": round(events / took)}
    if before is not None and after is not None:
        notes["memory of the readers, MB more"] = round(after - before, 1)
    goal = Goal("all complete and equal", float(complete and len(set(read)) == 1), 1, at_least=True)
    return Row(key, what, "s", {OURS: Figure.of([took])}, (goal,), notes=notes)


async def _read(ours: Ours, run_id: str) -> Digest:
    return await _digest(await ours.runs.join_stream(run_id))


async def _digest(stream: AsyncIterator[StreamEvent]) -> Digest:
    number, seen = 0, hashlib.blake2b(digest_size=8)
    async for event in stream:
        number += 1
        seen.update(f"{event.id} {event.event} {event.data}".encode())
    return number, seen.hexdigest()


async def _last_id(ours: Ours, run_id: str) -> int:
    """Ids are dense, so the last one says how many events there are."""
    last = 0
    async for event in await ours.runs.join_stream(run_id):
        last = int(event.id)
    return last
