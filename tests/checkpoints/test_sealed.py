"""Checkpoints with keys: the rows show nothing, and threads of before go on."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

import psycopg
import pytest
from langchain_core.messages import HumanMessage
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.keys import KEYRING, ROTATED

from perdure.checkpoints.conformance.making import Hooks
from perdure.checkpoints.contract import Checkpoints, RunNote
from perdure.checkpoints.open import open_checkpoints
from perdure.checkpoints.reading import read_snapshot
from perdure.checkpoints.saver import FencedSaver
from perdure.contracts.errors import UnavailableError
from perdure.contracts.keyring import Keyring

SECRET = "the recipe of the cheese"
Open = Callable[[Keyring | None], AbstractAsyncContextManager[Checkpoints]]
HERE: Any = {
    "configurable": {"thread_id": "thread", "token": SECRET},
    "metadata": {"note": SECRET, "assistant_id": "a"},
}


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]
    text: str
    number: int
    kept: str


def graph(saver: FencedSaver) -> Any:
    """Two nodes, the second of which asks. `kept` is only ever of the input."""
    builder = StateGraph(State)
    builder.add_node("one", lambda state: {"log": [HumanMessage(SECRET, id="m")], "text": SECRET, "number": 7})
    builder.add_node("two", lambda state: {"log": [interrupt(SECRET)]})
    builder.add_edge(START, "one")
    builder.add_edge("one", "two")
    return builder.compile(checkpointer=saver)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of each back end that keeps something."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/folder/checkpoints.db"


@pytest.fixture
def opened(url: str) -> Open:
    @asynccontextmanager
    async def opened(keyring: Keyring | None) -> AsyncGenerator[Checkpoints]:
        checkpoints = open_checkpoints(url, keyring=keyring)
        await checkpoints.start()
        yield checkpoints
        await checkpoints.close()

    return opened


def raw(url: str) -> str:
    """All rows."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            tables = ("checkpoints", "writes", "perdure_kept_writes")
            rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
        connection.close()
        return f"{rows}"
    with psycopg.connect(url) as connection:
        tables = ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "perdure_kept_writes")
        return f"{[connection.execute(f'SELECT * FROM {table}'.encode()).fetchall() for table in tables]}"


async def run(checkpoints: Checkpoints, run_id: str, given: State | None) -> Any:
    await checkpoints.take(run_id, "thread", fence=1)
    await checkpoints.note(run_id, RunNote())
    return await graph(FencedSaver(checkpoints, run_id, fence=1, hooks=Hooks())).ainvoke(given, HERE)


async def test_the_rows_show_nothing_and_a_resume_finds_all(url: str, opened: Open) -> None:
    async with opened(KEYRING) as checkpoints:
        await run(checkpoints, "r1", {"log": [SECRET], "text": SECRET, "kept": SECRET})
        assert SECRET not in raw(url)
    async with opened(ROTATED) as checkpoints:
        found = await read_snapshot(checkpoints.saver, "thread")
        assert found is not None
        assert (found.values["text"], found.values["number"], found.values["kept"]) == (SECRET, 7, SECRET)
        assert found.interrupts[0].value == SECRET
        assert (found.metadata["note"], found.metadata["run_id"]) == (SECRET, "r1")
        head = await checkpoints.saver.aget_tuple(HERE)
        assert head is not None
        assert isinstance(head.checkpoint["channel_values"]["log"][-1], HumanMessage), "allowed types are built"
        await checkpoints.restore("r1", "thread", fence=1)
        assert await checkpoints.saver.aget_tuple(HERE) is None


async def test_a_thread_of_before_goes_on_and_loses_nothing(url: str, opened: Open) -> None:
    async with opened(None) as checkpoints:
        await run(checkpoints, "r1", {"log": [], "text": "plain", "kept": "kept"})
    async with opened(KEYRING) as checkpoints:
        await run(checkpoints, "r2", {"log": [SECRET]})
        await run(checkpoints, "r3", {"log": []})
        head = await checkpoints.saver.aget_tuple(HERE)
        assert head is not None
        values = head.checkpoint["channel_values"]
        assert (values["kept"], values["text"], values["number"]) == ("kept", SECRET, 7)
        newest = [one.checkpoint["channel_values"] async for one in checkpoints.saver.alist(HERE, limit=2)]
        assert all(one["kept"] == "kept" for one in newest)


async def test_without_the_key_it_says_so_and_it_is_an_outage(opened: Open) -> None:
    async with opened(ROTATED) as checkpoints:
        await run(checkpoints, "r1", {"log": []})
    async with opened(KEYRING) as checkpoints:
        await checkpoints.take("r1", "thread", fence=2)
        saver = FencedSaver(checkpoints, "r1", fence=2, hooks=Hooks())
        with pytest.raises(UnavailableError, match="sealed with the key 'k2'"):
            await graph(saver).ainvoke(None, HERE)
        assert isinstance(saver.failure, UnavailableError), "the graph is not to blame"
