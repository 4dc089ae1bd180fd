"""Fixtures for pytest: `pytest_plugins = ["perdure.testing.fixtures"]` in your `conftest.py`.

One server for the session; for each test that asks for it, a worker and stores of its own:

- `perdure_graphs`: what is served, for you to override; as it is, the graphs of `langgraph.json`
- `perdure_settings`: for you to override
- `perdure_environment`: the `Environment`, and `perdure_runs`: its facade
- `perdure_server`: the server's address

They need pytest-asyncio, in either of its modes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from ..activities import GraphSource
from ..contracts.settings import Settings
from ..facade.runs import RunsFacade
from .environment import Environment, environment, server


@pytest.fixture(scope="session")
def perdure_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """The address of the session's Temporal server."""
    # Its loop runs only while it starts and stops, so that it stands with tests of any loop, or of none.
    with asyncio.Runner() as runner:
        started = server(tmp_path_factory.mktemp("perdure"))
        address = runner.run(started.__aenter__())
        try:
            yield address
        finally:
            runner.run(started.__aexit__(None, None, None))


@pytest.fixture
def perdure_graphs() -> Mapping[str, GraphSource] | None:
    """The names and graphs that the worker serves; `None` for those of `langgraph.json`."""
    return None


@pytest.fixture
def perdure_settings() -> Settings:
    """The worker's settings, but for its home, address and task queue."""
    return Settings()


@pytest_asyncio.fixture
async def perdure_environment(
    perdure_server: str,
    perdure_graphs: Mapping[str, GraphSource] | None,
    perdure_settings: Settings,
    tmp_path: Path,
) -> AsyncGenerator[Environment]:
    """A worker and a facade for the test."""
    home = tmp_path / "perdure"
    async with environment(perdure_graphs, address=perdure_server, home=home, settings=perdure_settings) as env:
        yield env


@pytest_asyncio.fixture
async def perdure_runs(perdure_environment: Environment) -> RunsFacade:
    """The facade of `perdure_environment`."""
    return perdure_environment.runs
