"""A thread belongs to the user of its first draft, from the transaction on that writes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from perdure import ThreadTakenError
from perdure.contracts.types import RunSpec
from perdure.store import SqlStore, open_store
from perdure.store.conformance.making import Make
from perdure.store.database import Database
from perdure.store.migrate import move

Race = Callable[..., list[Any]]

CLAIM = """
import asyncio
from datetime import UTC, datetime
from perdure.contracts.errors import ThreadTakenError
from perdure.contracts.types import RunRecord, RunScope, RunSpec
from perdure.store import open_store

async def main():
    url, user = arguments
    store = open_store(url)
    await store.start()
    pipe.send("ready")
    pipe.recv()
    owned = []
    for number in range(30):
        now, thread = datetime.now(UTC), f"thread-{number}"
        record = RunRecord(run_id=f"{thread}-{user}", thread_id=thread, assistant_id="agent", user_id=user,
                           created_at=now, updated_at=now)
        try:
            await store.create(record, RunSpec(assistant_id="agent", scope=RunScope(thread_id=thread)))
            owned.append(thread)
        except ThreadTakenError:
            pass
    await store.close()
    pipe.send(owned)

asyncio.run(main())
"""


async def test_two_processes_meet_in_new_threads(store: SqlStore, url: str, race: Race) -> None:
    ann, bob = race(CLAIM, (url, "ann"), (url, "bob"))
    assert sorted(ann + bob) == sorted(f"thread-{number}" for number in range(30)), "each has one owner"


async def test_threads_of_an_older_store_have_their_owners(
    store: SqlStore, url: str, make_record: Make, spec: RunSpec
) -> None:
    await store.create(make_record("one", "begun", user_id="ann"), spec)
    await store.mark_submitted("one")
    await store.create(make_record("two", "draft", user_id="bob"), spec)
    await store.close()
    database = Database(url, lock_timeout=10)
    await database.open()
    await move(database, "0005")
    await database.close()
    older = open_store(url)
    await older.start()
    for thread, owner, other in (("begun", "ann", "bob"), ("draft", "bob", "ann")):
        with pytest.raises(ThreadTakenError):
            await older.create(make_record(f"{thread} of {other}", thread, user_id=other), spec)
        await older.create(make_record(f"{thread} of {owner}", thread, user_id=owner), spec)
    assert [thread.thread_id for thread in await older.threads.list()] == ["begun"]
    await older.close()
