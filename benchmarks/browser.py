"""The system's Chromium, and what a person has to wait for in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from playwright.async_api import Browser, async_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ROWS = """
window.painted = new Promise((resolve) => {
  const seen = new MutationObserver(() => {
    if (!document.querySelector("tbody tr.row")) return;
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now()), 0));
  });
  seen.observe(document, { childList: true, subtree: true });
});
"""
"""When the frame with the first rows of a list was made, in ms from the beginning of the navigation."""


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """Raises `RuntimeError` where there is none."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError("this row needs Chromium on the PATH (on Debian: apt install chromium)")
    async with async_playwright() as playwright:
        # As root it refuses its sandbox.
        args = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        async with await playwright.chromium.launch(executable_path=found, args=args) as browser:
            yield browser


async def cold_and_warm(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds to the first rows of a list: of one who has never been there, and of one who comes again."""
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.add_init_script(_ROWS)
        await page.goto(url, wait_until="commit")
        cold: float = await page.evaluate("window.painted")
        await page.goto("about:blank")
        await page.goto(url, wait_until="commit")
        return cold, await page.evaluate("window.painted")


async def cpu_seconds(browser: Browser) -> dict[str, float]:
    """Of all of its processes so far, by their kinds: `renderer`, `browser`, `GPU` and others."""
    session = await browser.new_browser_cdp_session()
    answer = cast("dict[str, Any]", await session.send("SystemInfo.getProcessInfo"))
    found: dict[str, float] = {}
    for process in answer["processInfo"]:
        kind: str = process["type"]
        found[kind] = found.get(kind, 0.0) + process["cpuTime"]
    await session.detach()
    return found
