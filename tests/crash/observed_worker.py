"""A worker with a required observer that takes its time: `python observed_worker.py FILE`, a line for each event."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from perdure import ObserverBinding, RunLifecycleEvent, Worker


async def main(told: Path) -> None:
    async def note(event: RunLifecycleEvent) -> None:
        await asyncio.sleep(0.1)
        with told.open("a") as file:
            file.write(f"{event.run_id} {event.sequence} {event.event_id} {event.event_type}\n")

    await Worker(observers=[ObserverBinding(note, required=True, name="note")]).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
