"""A store in a file of its own, and what to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from support.forks import forking
from support.stores import store_in

from perdure.contracts.types import RunSpec
from perdure.store import SqlStore
from perdure.store.conformance import making
from perdure.store.conformance.making import Draft, Make

Program = tuple[BaseProcess, Connection]
Launch = Callable[..., Program]
Race = Callable[..., list[Any]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "store.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
async def store(path: Path, migrated: Path) -> AsyncIterator[SqlStore]:
    async with store_in(path, migrated) as store:
        yield store


@pytest.fixture
async def impatient(store: SqlStore, url: str) -> AsyncIterator[SqlStore]:
    """Another store on the same file, which gives up on a lock at once."""
    impatient = SqlStore(url, lock_timeout=0.05)
    await impatient.start()
    yield impatient
    await impatient.close()


@pytest.fixture
def make_record() -> Make:
    return making.make_record


@pytest.fixture
def spec() -> RunSpec:
    return making.make_spec()


@pytest.fixture
def draft(store: SqlStore) -> Draft:
    """Create a draft in the store."""
    return making.drafts_in(store)


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start a Python program in a process of its own. It finds its `arguments`, and a `pipe` to here."""
    running: list[Program] = []

    def start(code: str, *arguments: str) -> Program:
        pipe, theirs = forking.Pipe()
        process = forking.Process(target=exec, args=(code, {"arguments": arguments, "pipe": theirs}))
        process.start()
        theirs.close()
        running.append((process, pipe))
        return process, pipe

    yield start
    for process, pipe in running:
        process.kill()
        process.join()
        pipe.close()


@pytest.fixture
def race(launch: Launch) -> Race:
    """Start programs, which say that they are ready, and let them go on at the same moment; what each sends then."""

    def run(code: str, *argument_lists: tuple[str, ...]) -> list[Any]:
        programs = [launch(code, *arguments) for arguments in argument_lists]
        for _, pipe in programs:
            assert pipe.recv() == "ready"
        for _, pipe in programs:
            pipe.send("go")
        return [pipe.recv() for _, pipe in programs]

    return run
