"""A real browser: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright

_MISSING = "no Chromium on the PATH (on Debian: apt install chromium)"
ELSEWHERE = "elsewhere.example"
"""This machine by a name that is no `localhost`: to the browser a page from there is not secure."""
_HARMLESS = ("Failed to load resource", "Cross-Origin-Opener-Policy header has been ignored")
"""What could not be fetched (a gateway is restarted, a key is wrong) is the page's to tell; the header is for https."""
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """Where there is none the test is skipped; in CI it fails, unless it is known why (`NO_CHROMIUM`)."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        why = os.environ.get("NO_CHROMIUM")
        if os.environ.get("CI") and why is None:
            pytest.fail(_MISSING)
        pytest.skip(_MISSING if why is None else f"{_MISSING}: {why}")
    async with async_playwright() as playwright:
        # As root it refuses its sandbox.
        args = [
            "--disable-gpu",
            f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        browser = await playwright.chromium.launch(executable_path=found, args=args)
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Looked:
    """A page of the browser, and what it has asked for and complained of."""

    page: Page
    address: str
    addresses: list[str] = field(default_factory=list[str])
    complaints: list[str] = field(default_factory=list[str])

    async def open(self, place: str = "") -> None:
        """A page of ours: what stands behind the `#/`."""
        await self.page.goto(f"{self.address}/#/{place}")


@asynccontextmanager
async def looking(browser: Browser, address: str, **options: Any) -> AsyncGenerator[Looked]:
    """Somebody looks at a gateway. What goes wrong in the page while he does fails the test."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    looked = Looked(page, address)

    def asked(request: Request) -> None:
        looked.addresses.append(request.url)

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(known in message.text for known in _HARMLESS):
            looked.complaints.append(message.text)

    page.on("request", asked)
    page.on("console", said)
    page.on("pageerror", lambda error: looked.complaints.append(str(error)))
    try:
        yield looked
    finally:
        await context.close()
    assert looked.complaints == []
    assert [url for url in looked.addresses if not url.startswith(address)] == []
