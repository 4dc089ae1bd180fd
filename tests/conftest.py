"""What every test stands on: a real Temporal server, and settings of its own for each test."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import uuid
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import pytest
from support.back_ends import BACK_ENDS, POSTGRES_AND_REDIS, SQLITE, on_postgres
from support.forks import import_early
from support.postgres import PostgresServer, database_of, started_postgres
from support.redis_servers import RedisServer, any_server
from support.sampling import begin_sampling, few_of_each
from support.servers import local_settings, started
from support.stores import migrated_database, migrated_file
from support.stuck import ended_after

import perdure
from perdure import RunsFacade, Settings
from perdure.contracts.settings import RunSettings, TemporalSettings
from perdure.contracts.telemetry import redaction
from perdure.runtime.dev_server import DevServer

TESTS = Path(__file__).parent
LONGEST_FIRST = ("benchmarks", "crash", "examples", "cli", "documents", "testing", "activities")
"""The folders whose files take longest, in seconds for each file."""


STUCK = TESTS.parent / "build" / "stuck.txt"
TIDIED = 20
"""Files of tests after which a process puts away what it has; to do it takes half a second."""
TEARDOWN = 180
"""Seconds. pytest-timeout and pytest's own faulthandler both stop counting when a test has failed, so that what it
left waiting would hold the whole suite for ever."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test` takes the first, `make check` the second, too, `make matrix` the third."""
    parser.addoption("--sample", action="store_true", help="a third of the cuts and seeds, and nothing marked `whole`")
    parser.addoption("--rows", type=int, help="of each table of tests no more than so many, spread over it")
    parser.addoption("--back-ends", choices=BACK_ENDS, default=SQLITE, help="where installations keep what they keep")


def pytest_configure(config: pytest.Config) -> None:
    """Before a test is imported."""
    os.environ.setdefault("GOGC", "400")  # of Temporal's servers: a seventh of their CPU, for memory
    if config.getoption("--sample"):
        begin_sampling()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """A teardown that never ends is a failure with a name: its process ends, and `STUCK` says where it stood."""
    with ended_after(TEARDOWN, f"the teardown of {item.nodeid}", item.session.stash.get(_loop, None), STUCK):
        try:
            return (yield)
        finally:
            if nextitem is not None and nextitem.path != item.path:
                _tidy(nextitem.session)


_files = pytest.StashKey[int]()
_loop = pytest.StashKey[asyncio.AbstractEventLoop]()


@pytest.fixture(scope="session", autouse=True)
async def loop_of_all(request: pytest.FixtureRequest) -> None:
    """Its tasks are told of when a test is stuck."""
    request.session.stash[_loop] = asyncio.get_running_loop()


def _tidy(session: pytest.Session) -> None:
    """Else the collector looks through what all files before have left, again and again: once it took longer than the
    two seconds after which Temporal gives a workflow up."""
    session.stash[_files] = files = session.stash.get(_files, 0) + 1
    if files % TIDIED == 0:
        gc.collect()
        gc.freeze()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell says is no part of a test."""
    for name in os.environ:
        if name.startswith(("TEMPORAL_", "PERDURE_", "PYTEST_ADDOPTS")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", os.devnull)


@pytest.fixture(autouse=True)
def unredacted_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker with encryption redacts the log of its process for good, which is that of the next tests, too."""
    before = logging.getLogRecordFactory()
    monkeypatch.setattr(redaction, "_active", [])
    yield
    logging.setLogRecordFactory(before)


@pytest.fixture
def never_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is quick is done on the event loop, however long a busy machine takes for it."""
    monkeypatch.setattr("perdure.blocking.haste._SLOW", 60.0)


@pytest.fixture(scope="session")
def needs_server() -> None:
    """Whatever starts a server (Temporal, Postgres, Redis) stands on this, and the tests that start one themselves."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What is marked `elsewhere` is tried on servers, too, when all others are only tried on files."""
    chosen = metafunc.config.getoption("--back-ends")
    if chosen == SQLITE and metafunc.definition.get_closest_marker("elsewhere"):
        metafunc.parametrize("back_ends", (SQLITE, POSTGRES_AND_REDIS), indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what needs a server, so that `-m "not server"` (`make check`) is all the rest; long files come first."""
    left_out = {"files"} if config.getoption("--back-ends") != SQLITE else set[str]()
    left_out |= {"whole"} if config.getoption("--sample") else set()
    items[:] = [item for item in items if not any(map(item.get_closest_marker, left_out))]
    if rows := config.getoption("--rows"):
        items[:] = few_of_each(items, rows)
    for item in items:
        if isinstance(item, pytest.Function) and "needs_server" in item.fixturenames:
            item.add_marker("server")
    items.sort(key=_place)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported stays: the collector of garbage, which looks through all of it again and again, need not."""
    gc.collect()
    gc.freeze()
    if any(item.get_closest_marker("server") for item in session.items):
        import_early()


def _place(item: pytest.Item) -> int:
    """With a file for each process at a time, a long one at the end would have the others wait for it."""
    folder = item.path.relative_to(TESTS).parts[0]
    return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.fixture(autouse=True)
def no_unmarked_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test without the marker cannot start one: it would slow `make check` down in silence."""
    if request.node.get_closest_marker("server") is None:
        for kind in (DevServer, PostgresServer, RedisServer):
            monkeypatch.setattr(kind, "start", _refused)


def _refused(server: object) -> NoReturn:
    pytest.fail('this test starts a server: @pytest.mark.usefixtures("needs_server")')


@pytest.fixture(scope="session")
async def temporal(needs_server: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of the one server that the workflow tests share."""
    settings = local_settings(tmp_path_factory.mktemp("temporal"))
    async with started(settings):
        yield f"127.0.0.1:{settings.server.port}"


@pytest.fixture(scope="session")
async def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a store with all tables, to be copied."""
    return await migrated_file(tmp_path_factory.mktemp("migrated"))


@pytest.fixture(scope="session")
def postgres(needs_server: None) -> Iterator[PostgresServer]:
    """The Postgres that the tests of a session share."""
    with started_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """Of an empty database of the test's own."""
    with database_of(postgres) as url:
        yield url


@pytest.fixture(scope="session")
async def migrated_postgres(postgres: PostgresServer) -> str:
    """The name of a database with all tables of a store, to be copied."""
    return await migrated_database(postgres)


@pytest.fixture
def migrated_url(postgres: PostgresServer, migrated_postgres: str) -> Iterator[str]:
    """Of a database of the test's own, with all tables of a store."""
    with database_of(postgres, migrated_postgres) as url:
        yield url


@pytest.fixture(scope="session")
def streams_server(needs_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The Redis that the tests of a session share, each with a prefix of its own."""
    with any_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def back_ends(request: pytest.FixtureRequest) -> str:
    """Where the test's installations keep what they keep."""
    return str(getattr(request, "param", request.config.getoption("--back-ends")))


Kept = Callable[[Settings], Settings]


@pytest.fixture
def kept(request: pytest.FixtureRequest, back_ends: str) -> Iterator[Kept]:
    """Has settings keep everything there, each time in a database and under a prefix of their own."""
    if back_ends == SQLITE:
        yield lambda settings: settings
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    # Only the first is a copy: another installation has an identity of its own.
    templates = iter((request.getfixturevalue("migrated_postgres"),))
    redis = request.getfixturevalue("streams_server") if back_ends == POSTGRES_AND_REDIS else None
    with ExitStack() as databases:

        def keep(settings: Settings) -> Settings:
            url = databases.enter_context(database_of(server, next(templates, "template0")))
            return on_postgres(settings, url, redis and f"{redis.url}?prefix={uuid.uuid4()}")

        yield keep


@pytest.fixture
def settings(temporal: str, tmp_path: Path, kept: Kept) -> Settings:
    """A home and a task queue of its own. On a busy machine, a second of silence does not make a worker a dead one."""
    settings = Settings(
        home=tmp_path / "home",
        temporal=TemporalSettings(address=temporal, task_queue=f"test-{uuid.uuid4()}"),
        runs=RunSettings(heartbeat_timeout=5.0),
    )
    return kept(settings)


@pytest.fixture
async def runs(settings: Settings) -> AsyncIterator[RunsFacade]:
    """A facade over the test's settings."""
    async with perdure.connect(settings=settings) as runs:
        yield runs
