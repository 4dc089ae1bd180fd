"""What a store promises of threads by themselves, and of how they were left."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ...contracts.errors import ThreadNotFoundError, ThreadTakenError
from ...contracts.filters import Condition, Filter
from ...contracts.threads import ThreadRecord, ThreadStatus
from ...contracts.types import RunError, RunInterrupt, RunStatus
from ..contract import RunEnding, Store, ThreadLeft
from ..thread_filter import ThreadFilter, ThreadSort
from .making import Draft, make_record, make_spec

_NEWEST = ThreadSort()


def make_thread(thread_id: str, **fields: Any) -> ThreadRecord:
    """A thread without runs."""
    now = datetime.now(UTC)
    return ThreadRecord.model_validate({"thread_id": thread_id, "created_at": now, "updated_at": now, **fields})


async def _ids(store: Store, sort: ThreadSort = _NEWEST, **wanted: Any) -> list[str]:
    page = await store.threads.search(ThreadFilter(**wanted), sort, limit=10, offset=0)
    assert page.total == len(page.threads) == await store.threads.count(ThreadFilter(**wanted))
    return [thread.thread_id for thread in page.threads]


class ThreadSearchPromises:
    """A thread is there from its creation on, with or without runs."""

    async def test_a_thread_is_created_once(self, store: Store) -> None:
        thread, created = await store.threads.create(make_thread("one", metadata={"a": 1}))
        assert (created, await store.threads.get("one")) == (True, thread)
        again, created = await store.threads.create(make_thread("one", metadata={"a": 2}))
        assert (created, again) == (False, thread)
        merged = await store.threads.add_metadata("one", {"b": None})
        assert merged.metadata == {"a": 1, "b": None}
        with pytest.raises(ThreadNotFoundError):
            await store.threads.add_metadata("two", {})

    async def test_a_thread_that_is_created_is_its_users(self, store: Store) -> None:
        await store.threads.create(make_thread("one", user_id="ann"))
        for taking in (
            store.threads.create(make_thread("one", user_id="bob")),
            store.create(make_record("run", "one", user_id="bob"), make_spec()),
        ):
            with pytest.raises(ThreadTakenError):
                await taking
        assert await _ids(store, user_id="bob") == []
        assert await _ids(store, user_id="ann") == ["one"]

    async def test_a_draft_that_is_discarded_leaves_a_thread_that_was_created(self, store: Store) -> None:
        await store.threads.create(make_thread("one"))
        draft = make_record("run", "one")
        await store.create(draft, make_spec())
        assert await store.discard("run", taken_up=draft.updated_at)
        assert await store.threads.get("one") is not None
        assert await store.threads.delete("one")

    async def test_a_claimed_thread_is_begun_by_its_creation(self, store: Store) -> None:
        await store.create(make_record("run", "one", user_id="ann"), make_spec())
        thread, created = await store.threads.create(make_thread("one", user_id="ann", metadata={"a": 1}))
        assert (created, thread.metadata) == (True, {"a": 1})
        assert await _ids(store) == ["one"]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({}, ["b", "a"]),
            ({"ids": ["a", "nobody"]}, ["a"]),
            ({"metadata": {"deep": {"n": 2}}}, ["b"]),
            ({"metadata": {"deep": {"n": 3}}}, []),
            ({"metadata": {"none": None}}, ["a"]),
            ({"values": {"said": "b"}}, ["b"]),
            ({"values": {"said": {"x": 1}}}, []),
            ({"statuses": (ThreadStatus.INTERRUPTED,)}, ["b"]),
            ({"stateless": True}, ["stateless-1", "b", "a"]),
        ],
    )
    async def test_threads_are_found(self, store: Store, wanted: dict[str, Any], found: list[str]) -> None:
        await store.threads.create(make_thread("a", metadata={"deep": {"n": 1}, "none": None}))
        await store.threads.create(make_thread("b", metadata={"deep": {"n": 2}}))
        await store.threads.leave("b", ThreadLeft(b'{"said":"b"}', status=ThreadStatus.INTERRUPTED))
        await store.threads.create(make_thread("stateless-1"))
        assert await _ids(store, **wanted) == found

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ((), ["two", "one"]),
            ((Condition("n", "eq", (1,)),), ["one"]),
            ((Condition("n", "eq", (True,)),), ["two"]),
            ((Condition("o", "eq", ('{"a":1}',)),), []),
            ((Condition("none", "eq", (None,)),), ["one"]),
            ((Condition("people", "contains", ("ann",)),), ["two", "one"]),
            ((Condition("people", "contains", ("bob", "ann")),), ["one"]),
            ((Condition("people", "contains", (1,)),), ["one"]),
            ((Condition("people", "contains", (True,)),), ["two"]),
            ((Condition("people", "contains", (None,)),), []),
            ((Condition("n", "contains", (1,)),), []),
            ((Condition("", "or", groups=(Filter((Condition("n", "eq", (1,)),)), Filter())),), ["two", "one"]),
            ((Condition("", "and", groups=(Filter((Condition("n", "eq", (1,)),)), Filter())),), ["one"]),
            ((Condition("n", "eq", (1,)), Condition("none", "eq", (2,))), []),
        ],
    )
    async def test_threads_match_a_filter(self, store: Store, wanted: tuple[Condition, ...], found: list[str]) -> None:
        kept: dict[str, dict[str, Any]] = {
            "one": {"n": 1, "none": None, "people": ["ann", "bob", 1], "o": {"a": 1}},
            "two": {"n": True, "people": ["ann", True]},
        }
        for thread_id, metadata in kept.items():
            await store.threads.create(make_thread(thread_id, metadata=metadata))
        matching = Filter(wanted)
        assert await _ids(store, matching=matching) == found
        assert [one for one in reversed(kept) if matching.matches(kept[one])] == found

    async def test_threads_are_found_by_whatever_their_metadata_have(self, store: Store) -> None:
        kept: list[dict[str, Any]] = [
            {"k": "v" * 5000, "n": 1, "yes": True, "": "", "deep": {"k": "x"}},
            {"k": "\\", "n": 1.5, "yes": 1, "none": None},
            {"k": "v" * 101, "n": 2**53, "no": False, "\\": "'"},
            {"k": "v" * 102, "n": -1, "no": 0, "ö": "ü"},
            {"k": "\\u0000", "n": "1"},
            {"list": ["a\0b"], "n": 7},
        ]
        for number, metadata in enumerate(kept):
            await store.threads.create(make_thread(str(number), metadata=metadata))
        wanted = [(number, *item) for number, metadata in enumerate(kept) for item in metadata.items()]
        for number, key, value in wanted:
            if not isinstance(value, list):
                assert await _ids(store, metadata={key: value}) == [str(number)], key
        assert await _ids(store, metadata={"n": 1.0}) == ["0"]

    async def test_threads_are_found_by_what_they_have_now(self, store: Store) -> None:
        await store.threads.create(make_thread("one", metadata={"a": 1, "b": 1}))
        await store.threads.add_metadata("one", {"a": 2})
        assert (await _ids(store, metadata={"a": 1}), await _ids(store, metadata={"a": 2, "b": 1})) == ([], ["one"])
        await store.create(make_record("run", "one", metadata={"b": "new"}), make_spec())
        await store.mark_submitted("run")
        assert (await _ids(store, metadata={"b": 1}), await _ids(store, metadata={"b": "new"})) == ([], ["one"])
        await store.delete("run")
        await store.threads.delete("one")
        await store.threads.create(make_thread("one"))
        assert await _ids(store, metadata={"b": "new"}) == []

    async def test_pages_say_how_many_there_are(self, store: Store) -> None:
        for name in "abc":
            await store.threads.create(make_thread(name))
        by_name = ThreadSort("thread_id", descending=False)
        for offset, names in enumerate(("ab", "bc", "c", "")):
            page = await store.threads.search(ThreadFilter(), by_name, limit=2, offset=offset)
            assert (page.total, "".join(thread.thread_id for thread in page.threads)) == (3, names)

    async def test_how_a_run_leaves_its_thread(self, store: Store, draft: Draft) -> None:
        await draft("run", "thread")
        await store.mark_running("run", fence=1, attempt=1)
        question = RunInterrupt(id="q", value="?")
        left = ThreadLeft(b'{"n":1}', [question])
        await store.finish("run", RunEnding(RunStatus.INTERRUPTED, steps=1, left=left), fence=1)
        details = await store.threads.details("thread")
        assert details is not None
        assert (details.values, details.interrupts, details.error) == ({"n": 1}, (question,), None)
        await draft("failed", "thread")
        error = RunError(type="ValueError", message="boom")
        await store.finish("failed", RunEnding(RunStatus.ERROR, steps=0, left=ThreadLeft(error=error)), fence=1)
        details = await store.threads.details("thread")
        assert details is not None
        assert (details.values, details.interrupts, details.error) == ({"n": 1}, (), error)
        assert await store.threads.details("nobody") is None

    async def test_a_run_that_was_rolled_back_leaves_its_thread_as_it_was(self, store: Store, draft: Draft) -> None:
        for run_id, status in (("asks", RunStatus.INTERRUPTED), ("undone", RunStatus.ROLLED_BACK)):
            await draft(run_id, "thread")
            await store.mark_running(run_id, fence=1, attempt=1)
            await store.finish(run_id, RunEnding(status, steps=1), fence=1)
        thread = await store.threads.get("thread")
        assert thread is not None
        assert thread.status is ThreadStatus.INTERRUPTED

    async def test_what_a_run_says_of_its_thread(self, store: Store) -> None:
        record = make_record("run", "thread", metadata={"of": "run"}, thread_metadata={"of": "thread"})
        await store.create(record, make_spec())
        await store.mark_submitted("run")
        thread = await store.threads.get("thread")
        assert thread is not None
        assert thread.metadata == {"of": "thread"}
