"""When a worker gives memory back."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

import pytest
from support.servers import until

from perdure.runtime import memory_trim
from perdure.runtime.memory_trim import trimmed_when_idle, trimmer


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux's")
def test_glibc_gives_back_what_lies_between_what_is_still_used() -> None:
    trim = trimmer()
    assert trim is not None
    used = [bytes(3000) for _ in range(60_000)]
    kept, before = used[::50], _resident()
    del used
    trim()
    assert kept
    assert before - _resident() > 100_000_000


def _resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_once_after_each_time_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    trims, begun, busy = 0, 0, False

    def trim() -> None:
        nonlocal trims
        trims += 1

    monkeypatch.setattr(memory_trim, "IDLE", 0.01)
    monkeypatch.setattr(memory_trim, "trimmer", lambda: trim)
    async with trimmed_when_idle(lambda: begun, lambda: busy):
        await asyncio.sleep(0.05)
        assert trims == 0, "nothing was done yet"
        begun, busy = 1, True
        await asyncio.sleep(0.05)
        assert trims == 0, "it goes on"
        busy = False
        await until(lambda: trims == 1)
        await asyncio.sleep(0.05)
        assert trims == 1
        begun = 2
        await until(lambda: trims == 2)
