"""Back ends in real files, shared by the tests of a module: each run has ids of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .driving import BackEnds, back_ends


@pytest.fixture(scope="module")
async def ends(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[BackEnds]:
    async with back_ends(tmp_path_factory.mktemp("ends")) as opened:
        yield opened
