"""What a store promises of values on their way between a client and a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ...contracts.errors import RunNotFoundError
from ...contracts.types import RunStatus
from ..contract import RunEnding, Store
from ..exchange import StateUpdate
from .making import Draft


class ExchangePromises:
    """Values of states on their way between a client and a worker."""

    async def test_an_answer_is_taken_once(self, store: Store) -> None:
        assert await store.threads.take_answer("read") is None
        await store.threads.put_answer("read", b"[1]")
        await store.threads.put_answer("read", b"[2]")  # the activity was repeated
        assert await store.threads.take_answer("read") == b"[1]"
        assert await store.threads.take_answer("read") is None

    async def test_an_answer_is_no_update(self, store: Store) -> None:
        """A change and its answer have the same id."""
        await store.threads.put_update("one", StateUpdate("json", b"values"))
        await store.threads.put_answer("one", b"[]")
        assert (await store.threads.get_update("one")).payload == b"values"
        await store.threads.drop_update("one")
        assert await store.threads.take_answer("one") == b"[]"

    async def test_what_nobody_takes_goes(self, store: Store) -> None:
        await store.threads.put_update("old", StateUpdate("json", b"values"))
        await store.threads.put_answer("old", b"[]")
        assert await store.threads.drop_left(datetime.now(UTC) - timedelta(hours=1)) == 0
        assert await store.threads.drop_left(datetime.now(UTC) + timedelta(seconds=1)) == 2
        with pytest.raises(RunNotFoundError):
            await store.threads.get_update("old")

    async def test_what_a_waiting_run_needs_stays_however_long_it_waits(self, store: Store, draft: Draft) -> None:
        """Its questions may be open for days: the ids of very many of them, and a large answer on its way."""
        await draft("waits")
        names = ["waits/asked/3", "waits/answer/a", "gone/answer/b"]
        for name in names:
            await store.threads.put_update(name, StateUpdate("json", b"{}"))
        assert await store.threads.drop_left(datetime.now(UTC) + timedelta(seconds=1)) == 1
        for name in names[:2]:
            assert (await store.threads.get_update(name)).payload == b"{}"

    async def test_what_an_ended_run_leaves_goes_and_nothing_of_its_neighbours(
        self, store: Store, draft: Draft
    ) -> None:
        await draft("run")
        await store.mark_running("run", fence=1, attempt=1)
        neighbours = ["run", "run-1/a", "run:1/a", "run.1/a", "run 1/a", "run0/a", "Run/a", "ru/n"]
        for name in ("run/a", "run/z/1", *neighbours):
            await store.threads.put_update(name, StateUpdate("json", b"{}"))
        await store.finish("run", RunEnding(RunStatus.SUCCESS, 1), fence=1)
        for name in neighbours:
            await store.threads.get_update(name)
        for name in ("run/a", "run/z/1"):
            with pytest.raises(RunNotFoundError):
                await store.threads.get_update(name)
