"""The event loop of a service goes on when something in it wants to end the process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest

from perdure.cli.serving import serve


def _exit() -> None:
    sys.exit(3)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _ignore(*_: object) -> None:
    return None


@pytest.fixture
def taken() -> Generator[None]:
    """SIGINT is the service's own, as while it serves."""
    before = signal.signal(signal.SIGINT, _ignore)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("stray", [_exit, _interrupt])
def test_a_stray_exit_changes_nothing(taken: None, stray: Callable[[], Any]) -> None:
    async def service() -> str:
        asyncio.get_running_loop().call_soon(stray)
        await asyncio.sleep(0.01)
        return "served"

    assert serve(service()) == "served"


def test_its_own_exit_is_its_end(taken: None) -> None:
    async def service() -> None:
        _exit()

    with pytest.raises(SystemExit):
        serve(service())


def test_ctrl_c_before_it_has_taken_the_signals_is_its_end() -> None:
    async def service() -> None:
        asyncio.get_running_loop().call_soon(_interrupt)
        await asyncio.sleep(10)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            serve(service())
    finally:
        signal.signal(signal.SIGINT, before)
