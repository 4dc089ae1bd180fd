"""An installation in another place: SQLite's files in Postgres, and back."""

from __future__ import annotations

import operator
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from support.graphs import count_to, counting
from support.keys import K1, K2, encrypted
from support.redis_servers import any_server

import perdure
from perdure import RunScope, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.encryption_settings import EncryptionSettings
from perdure.contracts.errors import ConfigError, UnavailableError
from perdure.contracts.settings import BridgeSettings, CheckpointerSettings, NodeStoreSettings, StoreSettings
from perdure.contracts.types import RunRecord
from perdure.runtime.copying import CopyReport, copy_installation
from perdure.runtime.migration import migrate_store


class State(TypedDict):
    log: Annotated[list[Any], operator.add]
    odd: float
    raw: bytes
    tags: set[str]


def remembering() -> StateGraph[State]:
    """Remembers in LangGraph's store, has values of every kind in its state, and asks."""

    async def remember(state: State, runtime: Runtime[None]) -> dict[str, Any]:
        assert runtime.store is not None
        await runtime.store.aput(("people", "ann"), "seen", {"n": 1, "words": ["a\u00e9", None, 1.5]})
        return {"log": ["remembered"], "odd": float("nan"), "raw": b"\0\xff", "tags": {"a"}}

    async def ask(state: State) -> dict[str, Any]:
        return {"log": [interrupt("name?"), sorted(state["tags"]), state["raw"].hex()]}

    graph = StateGraph(State)
    graph.add_node("remember", remember)
    graph.add_node("ask", ask)
    graph.add_edge(START, "remember")
    graph.add_edge("remember", "ask")
    return graph


GRAPHS = {"counting": counting, "remembering": remembering}


async def played(settings: Settings) -> tuple[RunRecord, RunRecord]:
    """A run that has ended and one that waits, after which nobody is there any more."""
    async with serving(settings), perdure.connect(settings=settings) as runs:
        spec = RunSpec(assistant_id="counting", scope=RunScope(thread_id=of(settings, "t-counted")), input=count_to(5))
        ended, _ = await runs.create_and_wait(spec)
        spec = RunSpec(assistant_id="remembering", scope=RunScope(thread_id=of(settings, "t-asked")), input={"log": []})
        asked, result = await runs.create_and_wait(spec)
        assert result.status is RunStatus.AWAITING_INPUT
    return ended, asked


def of(settings: Settings, thread: str) -> str:
    """A thread of this test's: all of them share a Temporal."""
    return f"{settings.temporal.task_queue}-{thread}"


def serving(settings: Settings) -> Worker:
    return Worker(graphs={name: make() for name, make in GRAPHS.items()}, settings=settings)


def elsewhere(settings: Settings, home: Path, url: str | None = None) -> Settings:
    """The same installation with its files in another home, or in a database."""
    parts = {
        "bridge": BridgeSettings(url=url),
        "store": StoreSettings(url=url),
        "checkpointer": CheckpointerSettings(url=url),
        "langgraph_store": NodeStoreSettings(url=url),
    }
    return settings.model_copy(update={"home": home, **parts})


def ignore(table: str, rows: int) -> None: ...


async def copied(source: Settings, target: Settings) -> CopyReport:
    report = await copy_installation(source, target, ignore)
    assert report.equal, [table for table in report.tables if not table.equal]
    return report


class Cut(Exception):
    """Somebody has killed the copy."""


async def test_a_question_is_answered_in_the_other_place(settings: Settings, migrated_url: str, tmp_path: Path) -> None:
    ended, asked = await played(settings)
    target = elsewhere(settings, tmp_path / "other", migrated_url)

    def cut_at(name: str) -> Callable[[str, int], None]:
        def tell(table: str, rows: int) -> None:
            if table == name:
                raise Cut

        return tell

    for name in ("store.runs", "checkpoints", "stream events", "store items"):
        with pytest.raises(Cut):
            await copy_installation(settings, target, cut_at(name))
        with pytest.raises(UnavailableError, match="copy that is not complete"):
            async with perdure.connect(settings=target):
                pass
    report = await copied(settings, target)
    assert {table.name for table in report.tables} >= {"store.runs", "checkpoints", "stream events", "store items"}
    assert all(table.source for table in report.tables if table.name in ("checkpoint writes", "stream keys"))

    async with serving(target), perdure.connect(settings=target) as runs:
        assert await runs.get_run(ended.run_id) == ended.model_copy(update={"updated_at": ended.updated_at})
        events = [event.event async for event in await runs.join_stream(ended.run_id)]
        assert (events[0], events[-1]) == ("metadata", "end")
        await runs.resume(asked.run_id, "Ada")
        result = await runs.join_wait(asked.run_id)
        assert result.status is RunStatus.SUCCESS
        assert result.values is not None
        assert result.values["log"] == ["remembered", "Ada", ["a"], "00ff"]
        item = await runs.store.aget(("people", "ann"), "seen")
        assert item is not None
        assert item.value == {"n": 1, "words": ["a\u00e9", None, 1.5]}
        ids = [int(event.id or 0) async for event in await runs.join_stream(asked.run_id)]
        assert ids == [*range(1, len(ids) + 1)]

    back = elsewhere(settings, tmp_path / "back")
    await copied(target, back)
    async with serving(back), perdure.connect(settings=back) as runs:
        spec = RunSpec(assistant_id="counting", scope=RunScope(thread_id=of(settings, "t-counted")), input=count_to(7))
        _, result = await runs.create_and_wait(spec)
        assert result.status is RunStatus.SUCCESS
        state = await runs.get_state(of(settings, "t-asked"), stored=True)
        assert state is not None
        assert state.values["log"] == ["remembered", "Ada", ["a"], "00ff"]


async def test_there_and_back_nothing_has_changed(settings: Settings, migrated_url: str, tmp_path: Path) -> None:
    await played(settings)
    there = elsewhere(settings, tmp_path / "there", migrated_url)
    back = elsewhere(settings, tmp_path / "back")
    await copied(settings, there)
    await copied(there, back)
    # A complete copy is compared, and not written to.
    report = await copied(settings, there)
    assert (report.only_compared, report.written) == (True, 0)
    with closing(sqlite3.connect(back.home / "store.db")) as connection:
        connection.execute("UPDATE threads SET status = 'busy' WHERE thread_id LIKE '%t-asked'")
        connection.commit()
    report = await copy_installation(settings, back, ignore)
    assert {table.name: table.different for table in report.tables if not table.equal} == {"store.threads": 1}
    assert report.only_compared


async def test_streams_in_redis_and_back(settings: Settings, tmp_path: Path) -> None:
    ended, asked = await played(settings)
    with any_server(tmp_path / "redis") as server:
        streams = BridgeSettings(url=f"{server.url}?prefix=team")
        target = elsewhere(settings, tmp_path / "other").model_copy(update={"bridge": streams})

        def cut(table: str, rows: int) -> None:
            if table == "stream events":
                raise Cut

        with pytest.raises(Cut):
            await copy_installation(settings, target, cut)
        report = await copied(settings, target)
        assert {table.name: table.source for table in report.tables}["streams"] == 2
        async with serving(target), perdure.connect(settings=target) as runs:
            events = [event.event async for event in await runs.join_stream(ended.run_id)]
            assert (events[0], events[-1]) == ("metadata", "end")
            await runs.resume(asked.run_id, "Ada")
            assert (await runs.join_wait(asked.run_id)).status is RunStatus.SUCCESS
            told = [event async for event in await runs.join_stream(asked.run_id)]
            assert [int(event.id or 0) for event in told] == [*range(1, len(told) + 1)]
        back = elsewhere(settings, tmp_path / "back")
        await copied(target, back)
    async with perdure.connect(settings=back) as runs:
        assert [event async for event in await runs.join_stream(asked.run_id)] == told


async def test_what_has_changed_since_the_cut_is_mended(settings: Settings, tmp_path: Path) -> None:
    ended, asked = await played(settings)
    target = elsewhere(settings, tmp_path / "other")

    def cut(table: str, rows: int) -> None:
        if table == "store items":
            raise Cut

    with pytest.raises(Cut):
        await copy_installation(settings, target, cut)
    async with serving(settings), perdure.connect(settings=settings) as runs:
        await runs.resume(asked.run_id, "Ada")
        await runs.join_wait(asked.run_id)
        assert await runs.delete_run(ended.run_id)
    report = await copied(settings, target)
    assert report.written > 0
    async with perdure.connect(settings=target) as runs:
        assert await runs.get_run(ended.run_id) is None
        record = await runs.get_run(asked.run_id)
        assert record is not None
        assert record.status is RunStatus.SUCCESS


async def test_it_is_refused_while_somebody_is_at_work(settings: Settings, tmp_path: Path) -> None:
    target = elsewhere(settings, tmp_path / "other")
    async with serving(settings):
        with pytest.raises(ConfigError, match="workers of"):
            await copy_installation(settings, target, ignore)
    async with perdure.connect(settings=settings) as runs, serving(settings):
        spec = RunSpec(assistant_id="counting", scope=RunScope(thread_id=of(settings, "t")), input=count_to(3))
        record, _ = await runs.create_and_wait(spec)
    with closing(sqlite3.connect(settings.home / "store.db")) as connection:
        connection.execute("UPDATE runs SET status = 'running', ended_at = NULL")
        connection.commit()
    with pytest.raises(ConfigError, match=f"in flight: {record.run_id}"):
        await copy_installation(settings, target, ignore)


async def test_a_place_of_another_installation_is_refused(settings: Settings, tmp_path: Path) -> None:
    await played(settings)
    other = elsewhere(settings, tmp_path / "other")
    await migrate_store(other, None, check=False, force=False)
    with closing(sqlite3.connect(other.home / "store.db")) as connection, connection:
        columns = "thread_id, status, metadata, created_at, updated_at"
        moment = "2026-01-01 00:00:00.000000"
        connection.execute(f"INSERT INTO threads ({columns}) VALUES ('theirs', 'idle', '{{}}', ?, ?)", (moment, moment))
    with pytest.raises(ConfigError, match="records of another installation"):
        await copy_installation(settings, other, ignore)


async def test_a_part_of_something_else_is_refused_and_stays(settings: Settings, tmp_path: Path) -> None:
    await played(settings)
    theirs = elsewhere(settings, tmp_path / "theirs")
    await copied(settings, theirs)
    streams = BridgeSettings(url=f"sqlite:///{theirs.home}/bridge.db")
    target = elsewhere(settings, tmp_path / "other").model_copy(update={"bridge": streams})
    with pytest.raises(ConfigError, match="the target has streams already"):
        await copy_installation(settings, target, ignore)

    def cut(table: str, rows: int) -> None:
        raise Cut

    begun = elsewhere(settings, tmp_path / "begun")
    with pytest.raises(Cut):
        await copy_installation(settings, begun, cut)
    with pytest.raises(ConfigError, match="begun with other URLs"):
        await copy_installation(settings, begun.model_copy(update={"bridge": streams}), ignore)
    with pytest.raises(UnavailableError, match="copy that is not complete"):
        await copy_installation(begun, target, ignore)
    await copied(settings, theirs)


async def test_sealed_values_are_opened_with_the_same_keys(
    settings: Settings, migrated_url: str, tmp_path: Path
) -> None:
    source = encrypted(settings)
    _, asked = await played(source)
    target = elsewhere(encrypted(settings, "k2"), tmp_path / "other", migrated_url)
    await copied(source, target)
    async with serving(target), perdure.connect(settings=target) as runs:
        await runs.resume(asked.run_id, "Ada")
        result = await runs.join_wait(asked.run_id)
        assert result.values is not None
        assert result.values["log"][1] == "Ada"


def _keys(**keys: str) -> EncryptionSettings:
    return EncryptionSettings.model_validate({"key_id": next(iter(keys)), "keys": keys} if keys else {})


REFUSED: dict[str, tuple[Callable[[Settings], Settings], str]] = {
    "no keys": (lambda one: one, "only the source has encryption.key_id"),
    "another key": (lambda one: one.model_copy(update={"encryption": _keys(k1=K2)}), "no key 'k1', or another"),
    "a key less": (lambda one: one.model_copy(update={"encryption": _keys(k2=K2)}), "no key 'k1', or another"),
}


@pytest.mark.parametrize(("change", "told"), REFUSED.values(), ids=REFUSED)
async def test_other_keys_are_refused(change: Callable[[Settings], Settings], told: str, tmp_path: Path) -> None:
    source = Settings(home=tmp_path / "here", encryption=_keys(k1=K1))
    target = change(Settings(home=tmp_path / "there"))
    with pytest.raises(ConfigError, match=told):
        await copy_installation(source, target, ignore)
    assert not target.home.exists()


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "the same place": ({"home": "here"}, "both settings name"),
    "streams in memory": ({"bridge": {"url": "memory://"}}, "bridge.url: memory:// cannot be copied"),
    "memory": ({"checkpointer": {"url": "memory://"}}, "checkpointer.url: memory:// cannot be copied"),
    "another task queue": ({"temporal": {"task_queue": "other"}}, "temporal.task_queue: it is 'perdure'"),
    "another namespace": ({"temporal": {"namespace": "other"}}, "temporal.namespace: it is 'default'"),
}


@pytest.mark.parametrize(("parts", "told"), WRONG.values(), ids=WRONG)
async def test_what_cannot_be_copied_is_refused_before_anything_is_written(
    parts: dict[str, Any], told: str, tmp_path: Path
) -> None:
    source = Settings(home=tmp_path / "here")
    target = Settings.model_validate({"home": "there", **parts})
    target = target.model_copy(update={"home": tmp_path / target.home})
    with pytest.raises(ConfigError, match=told):
        await copy_installation(source, target, ignore)
    assert not os.listdir(tmp_path)
