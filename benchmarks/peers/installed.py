"""Which peers are there, and those that are, running."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..figures import DEV, PLUGIN
from ..ours import Ours
from ..systems import System
from .bare import bare
from .dev import dev
from .floor import floor
from .plugin import plugin

_PACKAGES = {PLUGIN: ("temporalio-langgraph",), DEV: ("langgraph-api", "langgraph-runtime-inmem", "langgraph-cli")}


def missing() -> list[str]:
    """The peers that are not installed."""
    return [peer for peer, packages in _PACKAGES.items() if not all(map(installed_version, packages))]


def installed_version(package: str) -> str | None:
    """`None` for a package that is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@asynccontextmanager
async def peers(home: Path, ours: Ours) -> AsyncGenerator[list[System]]:
    """Those that are installed, in the order of the table; on the Temporal server of ours where they need one."""
    without = missing()
    async with AsyncExitStack() as stack:
        found: list[System] = [
            await stack.enter_async_context(bare(home)),
            await stack.enter_async_context(floor(home, ours)),
        ]
        if PLUGIN not in without:
            found.append(await stack.enter_async_context(plugin(home, ours)))
        if DEV not in without:
            found.append(await stack.enter_async_context(dev(home)))
        yield found
