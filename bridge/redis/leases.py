"""Whether the client is there for whose sake a run goes on.

The head of the run says until when. The sorted set of all runs, which lies elsewhere in a cluster, only says where to
look: what it has too much is taken out when its time has come.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .keys import Keys
from .line import RedisLine
from .scripts import ATTEND, RUN_OUT, TAKE_OUT

_LOOKED_AT = 1000
"""Runs, at a time. Those that are left over come next."""


@dataclass(frozen=True, slots=True)
class Leases:
    keys: Keys
    writes: RedisLine
    reads: RedisLine

    async def attend(self, run_id: str, seconds: float) -> None:
        words = ATTEND.call([self.keys.head(run_id)], max(1, round(seconds * 1000)))
        until = await self.writes.call(words, of=run_id)
        if until is not None:
            await self.writes.call(("ZADD", self.keys.leases, until, run_id), of=run_id)

    async def leave(self, run_id: str) -> None:
        await self.writes.call(("HDEL", self.keys.head(run_id), "lease"), of=run_id)

    async def abandoned(self) -> list[str]:
        """Those whose lease has run out, the longest ago first."""
        now, found = await self.reads.call(RUN_OUT.call([self.keys.leases], _LOOKED_AT))
        run_ids = [run_id.decode() for run_id in found]
        looks = [self.reads.call(("HGET", self.keys.head(run_id), "lease")) for run_id in run_ids]
        until = dict(zip(run_ids, await asyncio.gather(*looks), strict=True))
        if void := [run_id for run_id, one in until.items() if one is None]:
            await self.writes.call(TAKE_OUT.call([self.keys.leases], now, *void))
        return [run_id for run_id, one in until.items() if one is not None and int(one) <= int(now)]
