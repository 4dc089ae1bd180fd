"""A worker may forget a workflow at any moment, because its cache is full or a task failed, and replay it later."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


async def test_every_workflow_can_be_evicted_at_any_point(temporal: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "determinism.evicting", temporal, str(tmp_path)),
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, output.decode()[-2000:]
    assert int(output.split()[-1]) > 50, "so many points were tried"
