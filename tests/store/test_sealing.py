"""A store with keys: what users' data is in, is sealed; what was there before is read."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.keys import KEYRING, ROTATED
from support.stores import store_in

from perdure.contracts.errors import InvalidRunError, UnavailableError
from perdure.contracts.keyring import Keyring
from perdure.contracts.serialization.serializer import to_json
from perdure.contracts.threads import ThreadRecord
from perdure.contracts.types import RunError, RunInterrupt, RunScope, RunSpec, RunStatus
from perdure.store import SqlStore
from perdure.store.conformance.exchange import ExchangePromises
from perdure.store.conformance.making import StoreFixtures, make_record
from perdure.store.conformance.run_events import RunEventPromises
from perdure.store.conformance.trouble import TroublePromises
from perdure.store.contract import RunEnding
from perdure.store.event_contract import EventBatch, EventFilter, NewRunEvent
from perdure.store.exchange import StateUpdate
from perdure.store.note_contract import Setback
from perdure.store.thread_contract import ThreadLeft
from perdure.store.thread_filter import ThreadFilter

SECRET = "the recipe of the cheese"
LONG = [{"said": f"{SECRET} {number}"} for number in range(200)]
"""Is kept in chunks."""


@pytest.fixture
async def store(path: Path, migrated: Path) -> AsyncIterator[SqlStore]:
    async with store_in(path, migrated, keyring=KEYRING) as store:
        yield store


class TestSealed(StoreFixtures, RunEventPromises, TroublePromises, ExchangePromises):
    """It keeps the promises whose columns are sealed, with the fixture `store` of this file."""

    @pytest.fixture
    def store(self, store: SqlStore) -> SqlStore:
        return store


def _event(number: int, content: Any) -> NewRunEvent:
    about = {"call_id": SECRET, "tool": SECRET}
    return NewRunEvent(
        number, "human_message", "message", to_json(content), about, "a:1", datetime.now(UTC), if_new=True
    )


async def _fill(store: SqlStore, run_id: str) -> None:
    """Something in each column that users' data gets into."""
    given = {"question": SECRET}
    spec = RunSpec(assistant_id="agent", scope=RunScope(thread_id="thread"), input=given, feedback_keys=(SECRET,))
    await store.create(make_record(run_id), spec)
    failure = RunError(type="ValueError", message=SECRET, traceback=SECRET)
    await store.mark_running(run_id, fence=1, attempt=1, human_message=SECRET, setback=Setback(failure, lost=False))
    await store.events.write(run_id, EventBatch([_event(1, SECRET), _event(2, LONG)]), fence=1, attempt=1)
    await store.note_trouble(run_id, Setback(failure, lost=False), fence=1)
    questions = [RunInterrupt(id="q", value=SECRET)]
    await store.mark_awaiting(run_id, fence=1, steps=1, interrupts=questions, values=to_json(given), title=SECRET)
    await store.mark_running(run_id, fence=1, attempt=1)
    ending = RunEnding(RunStatus.ERROR, 1, to_json(given), failure, interrupts=questions, title=SECRET)
    await store.finish(run_id, ending, fence=1)
    await store.lifecycle.mark_delivered(run_id, "observer", 1, after=0, failure=SECRET)
    await store.threads.put_update(f"{run_id}-update", StateUpdate("json", to_json(given)))


async def _read(store: SqlStore, run_id: str) -> list[Any]:
    record, result = await store.get(run_id), await store.get_result(run_id)
    assert record is not None
    events = await store.events.list(EventFilter(run_id=run_id))
    told = (await store.lifecycle.undelivered(run_id, "other")).events
    thread = await store.threads.get("thread")
    return [
        (await store.get_spec(run_id)).input,
        (record.record.error, record.record.title, thread and thread.title),
        (result.values, result.error, result.interrupts),
        [(event.event_type, event.content, event.metadata) for event in events],
        [(one.event_type, one.payload) for one in told],
        [one.failure for one in await store.lifecycle.deliveries(run_id)],
        await store.threads.get_update(f"{run_id}-update"),
    ]


def _raw(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_nothing_of_it_is_in_the_file(path: Path, migrated: Path) -> None:
    async with store_in(path, migrated) as plain:
        await _fill(plain, "run")
        assert SECRET.encode() in _raw(path.parent), "what is searched for can be found"
        seen = await _read(plain, "run")
    shutil.rmtree(path.parent)
    async with store_in(path, migrated, keyring=KEYRING) as store:
        await _fill(store, "run")
        assert SECRET.encode() not in _raw(path.parent)
        assert await _read(store, "run") == seen


@pytest.mark.parametrize(("before", "after"), [(None, KEYRING), (KEYRING, ROTATED)], ids=["keys", "a new key"])
async def test_what_was_there_before_is_read(
    path: Path, migrated: Path, before: Keyring | None, after: Keyring
) -> None:
    async with store_in(path, migrated, keyring=before) as store:
        await _fill(store, "run")
        seen = await _read(store, "run")
    async with store_in(path, path, keyring=after) as store:
        assert await _read(store, "run") == seen
        await _fill(store, "other")
        assert (await _read(store, "other"))[0] == seen[0]


async def test_a_message_is_known_again_after_a_new_key(path: Path, migrated: Path) -> None:
    for number, keyring in enumerate((KEYRING, ROTATED), 1):
        async with store_in(path, migrated if number == 1 else path, keyring=keyring) as store:
            if number == 1:
                await store.create(make_record(), RunSpec(assistant_id="agent", scope=RunScope(thread_id="thread")))
                await store.mark_running("run", fence=1, attempt=1)
            await store.events.write("run", EventBatch([_event(number, SECRET)]), fence=1, attempt=1)
            found = await store.events.list(EventFilter(run_id="run", types=["human_message"]))
            assert [event.content for event in found] == [SECRET]


async def test_without_the_key_it_says_which_one_is_missing(path: Path, migrated: Path) -> None:
    async with store_in(path, migrated, keyring=ROTATED) as store:
        await _fill(store, "run")
    for keyring, said in ((KEYRING, "sealed with the key 'k2'"), (None, "encryption.key_id is not set")):
        async with store_in(path, path, keyring=keyring) as store:
            with pytest.raises(UnavailableError, match=said):
                await store.get("run")


async def test_sealed_states_are_kept_and_not_looked_into(path: Path, migrated: Path) -> None:
    async with store_in(path, migrated, keyring=KEYRING) as store:
        now = datetime.now(UTC)
        await store.threads.create(ThreadRecord(thread_id="one", created_at=now, updated_at=now))
        await store.threads.leave("one", ThreadLeft(b'{"said":"a secret"}', [RunInterrupt(id="q", value="a secret")]))
        details = await store.threads.details("one")
        assert details is not None
        assert (details.values, details.interrupts[0].value) == ({"said": "a secret"}, "a secret")
        with pytest.raises(InvalidRunError, match="encrypted"):
            await store.threads.count(ThreadFilter(values={"said": "a secret"}))
    assert b"a secret" not in path.read_bytes()  # noqa: ASYNC240 - nothing else is going on
