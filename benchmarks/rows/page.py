"""The page for people, in a browser: its first view of a large store, and what a live run costs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import Browser

from perdure import RunScope, RunSpec

from ..api import Api, gateway
from ..bench import Bench
from ..browser import chromium, cold_and_warm, cpu_seconds
from ..figures import OURS, Figure, Goal, Row
from ..many_runs import add_copies
from ..ours import Ours, count, succeeded

_RATE = 50
"""Tokens a second."""
_SETTLED = 1.0
"""Seconds after which the page of a run has been drawn."""


async def measure(bench: Bench) -> list[Row]:
    """The store has its many runs from then on."""
    record = await bench.ours.runs.create_background(count(1))
    await succeeded(bench.ours.runs, record)
    store = Path(bench.ours.settings.store_url.removeprefix("sqlite:///"))
    await asyncio.to_thread(add_copies, store, record.run_id, bench.sizes.page_runs)
    async with gateway(bench.ours, bench.home) as api, chromium() as browser:
        return [await _first_view(bench, api, browser), await _live(bench, api, browser)]


async def _first_view(bench: Bench, api: Api, browser: Browser) -> Row:
    await cold_and_warm(browser, api.url)  # what the gateway and the browser do once in their lives
    found = [await cold_and_warm(browser, api.url) for _ in range(bench.sizes.page_views)]
    cold, warm = (Figure.of(one) for one in zip(*found, strict=True))
    notes = {"by one who comes again, ms": round(warm.median), "by one who comes again, the slowest": round(warm.p99)}
    what = f"first view of the page, store of {bench.sizes.page_runs:,} runs"
    return Row("page_view", what, "ms", {OURS: cold}, (Goal("≤ 300 ms", cold.median, 300),), notes=notes)


async def _live(bench: Bench, api: Api, browser: Browser) -> Row:
    seconds = bench.sizes.page_seconds
    place = await _speaking(bench.ours, _SETTLED + seconds + 1)
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(f"{api.url}/#/runs/{place}")
        await page.wait_for_selector("h1 .pill[data-status=running]")
        await asyncio.sleep(_SETTLED)
        before = await cpu_seconds(browser)
        await asyncio.sleep(seconds)
        after = await cpu_seconds(browser)
    used = {kind: 100 * (after[kind] - before.get(kind, 0.0)) / seconds for kind in after}
    notes = {f"of its process {kind}, %": round(share, 1) for kind, share in used.items()}
    what = f"CPU of the browser for a live run, all its processes, {_RATE} tokens/s"
    whole = sum(used.values())
    return Row("page_live", what, "%", {OURS: Figure.of([whole])}, (Goal("≤ 10 % of a core", whole, 10),), notes=notes)


async def _speaking(ours: Ours, seconds: float) -> str:
    given = {"tokens": round(seconds * _RATE), "interval": 1 / _RATE, "length": 0}
    modes: Sequence[str] = ("messages",)
    spec = RunSpec(assistant_id="tokens", scope=RunScope(thread_id=str(uuid.uuid4())), input=given, stream_modes=modes)
    record = await ours.runs.create_background(spec)
    return f"{record.thread_id}/{record.run_id}"
