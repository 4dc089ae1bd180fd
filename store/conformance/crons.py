"""What a store promises of crons."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ...contracts.crons import CronRecord
from ...contracts.types import RunScope, RunSpec
from ..contract import Store

_CREATED = datetime(2026, 1, 31, 9, tzinfo=UTC)
_RUN = RunSpec(assistant_id="graph", scope=RunScope(kind="stateless"), input={"at": _CREATED})


def cron(cron_id: str = "daily", **fields: Any) -> CronRecord:
    given = {"cron_id": cron_id, "schedule": "0 9 * * *", "assistant_id": "graph", "created_at": _CREATED}
    return CronRecord.model_validate({**given, **fields})


class CronPromises:
    """A cron is written once, found by its id and its user, and goes with all that is kept of it."""

    async def test_a_cron_is_kept_with_the_spec_of_its_runs(self, store: Store) -> None:
        written = cron(user_id="ann", jitter=2.5, starts_at=_CREATED, thread_id="thread", timezone="Europe/Berlin")
        assert await store.crons.create(written, _RUN) == (written, True)
        assert await store.crons.get("daily") == written
        assert await store.crons.get_spec("daily") == _RUN
        assert (await store.crons.get("none"), await store.crons.get_spec("none")) == (None, None)

    async def test_a_second_one_of_its_id_changes_nothing(self, store: Store) -> None:
        await store.crons.create(cron(), _RUN)
        later = datetime(2026, 2, 1, tzinfo=UTC)
        assert await store.crons.create(cron(created_at=later, paused=True), _RUN) == (cron(), True)
        assert await store.crons.create(cron(schedule="0 8 * * *"), _RUN) == (cron(), False)
        assert await store.crons.create(cron(user_id="bob"), _RUN) == (cron(), False)
        assert await store.crons.create(cron(), _RUN.model_copy(update={"input": 2})) == (cron(), False)

    async def test_crons_are_listed_by_user_and_page(self, store: Store) -> None:
        for number, user in enumerate(("ann", "bob", "ann", "ann")):
            await store.crons.create(cron(f"{number}", user_id=user), _RUN)
        found = await store.crons.list(user_id="ann", limit=2)
        assert [one.cron_id for one in found] == ["3", "2"]
        assert [one.cron_id for one in await store.crons.list(user_id="ann", before="2")] == ["0"]
        assert len(await store.crons.list()) == 4
        assert await store.crons.list(before="none") == []

    async def test_crons_are_found_by_what_they_have(self, store: Store) -> None:
        await store.crons.create(cron("1", user_id="ann", metadata={"in": {"a": 1}}, thread_id="t"), _RUN)
        await store.crons.create(cron("2", user_id="bob", paused=True, metadata={"in": {"a": 2}}), _RUN)

        async def found(**wanted: Any) -> list[str]:
            return [one.cron_id for one in await store.crons.find(**wanted)]

        assert await found() == ["2", "1"]
        assert await found(user_id="ann") == await found(thread_id="t") == await found(paused=False) == ["1"]
        assert await found(metadata={"in": {"a": 2}}) == ["2"]
        assert await found(metadata={"in": {"a": 2}}, user_id="ann") == []

    async def test_a_cron_is_replaced_where_there_is_one(self, store: Store) -> None:
        await store.crons.create(cron(), _RUN)
        later = cron(schedule="0 8 * * *", metadata={"a": 1}, updated_at=_CREATED)
        run = _RUN.model_copy(update={"input": 2})
        assert await store.crons.replace(later, run)
        assert (await store.crons.get("daily"), await store.crons.get_spec("daily")) == (later, run)
        assert not await store.crons.replace(cron("none"), run)
        assert await store.crons.get("none") is None

    async def test_a_cron_is_paused_and_removed(self, store: Store) -> None:
        await store.crons.create(cron(user_id="ann"), _RUN)
        await store.crons.set_paused("daily", paused=True)
        assert await store.crons.get("daily") == cron(user_id="ann", paused=True)
        assert not await store.crons.delete("daily", user_id="bob")
        assert await store.crons.delete("daily", user_id="ann")
        assert not await store.crons.delete("daily")
        await store.crons.set_paused("daily", paused=False)
        assert await store.crons.get("daily") is None
