"""What a store promises of assistants."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from ...contracts.assistants import AssistantRecord
from ..contract import Store

_CREATED = datetime(2026, 1, 31, 9, tzinfo=UTC)
_LATER = datetime(2026, 2, 1, tzinfo=UTC)


def assistant(assistant_id: str = "a", **fields: Any) -> AssistantRecord:
    given = {"assistant_id": assistant_id, "graph_id": "graph", "created_at": _CREATED, "updated_at": _CREATED}
    return AssistantRecord.model_validate({**given, **fields})


class AssistantPromises:
    """An assistant is written once, has versions of which one is current, and is found by its user."""

    async def test_an_assistant_is_kept(self, store: Store) -> None:
        written = assistant(user_id="ann", name="n", description="d", config={"tags": ["t"]}, context={"c": 1})
        assert await store.assistants.create(written) == (written, True)
        assert await store.assistants.create(assistant(user_id="bob")) == (written, False)
        assert await store.assistants.get("a") == await store.assistants.get("a", user_id="ann") == written
        assert await store.assistants.get("a", user_id="bob") is None
        assert await store.assistants.get("none") is None

    async def test_a_change_is_a_version_and_an_older_one_comes_back_whole(self, store: Store) -> None:
        await store.assistants.create(assistant(name="n", metadata={"a": 1}, config={"tags": ["t"]}))
        changed = await store.assistants.change("a", {"config": {}, "metadata": {"b": 2}}, at=_LATER)
        expected = assistant(name="n", metadata={"a": 1, "b": 2}, version=2, updated_at=_LATER)
        assert changed == await store.assistants.get("a") == expected
        older = assistant(name="n", metadata={"a": 1}, config={"tags": ["t"]}, updated_at=_LATER)
        assert await store.assistants.set_version("a", 1, at=_LATER) == older
        third = await store.assistants.change("a", {"name": "third"}, at=_LATER)
        assert third == older.model_copy(update={"name": "third", "version": 3})
        versions = await store.assistants.versions("a")
        assert [(one.version, one.created_at) for one in versions] == [(3, _LATER), (2, _LATER), (1, _CREATED)]

    async def test_another_users_is_not_changed(self, store: Store) -> None:
        written = assistant(user_id="ann")
        await store.assistants.create(written)
        assert await store.assistants.change("a", {"name": "x"}, at=_LATER, user_id="bob") is None
        assert await store.assistants.set_version("a", 1, at=_LATER, user_id="bob") is None
        assert await store.assistants.set_version("a", 2, at=_LATER, user_id="ann") is None
        assert not await store.assistants.delete("a", user_id="bob")
        assert await store.assistants.get("a") == written
        assert await store.assistants.delete("a", user_id="ann")
        assert (await store.assistants.get("a"), await store.assistants.versions("a")) == (None, [])

    async def test_changes_at_once_are_a_version_each(self, store: Store) -> None:
        await store.assistants.create(assistant())
        changes = [store.assistants.change("a", {"metadata": {f"{one}": one}}, at=_LATER) for one in range(5)]
        made = await asyncio.gather(*changes)
        assert sorted(one.version for one in made if one is not None) == [2, 3, 4, 5, 6]
        last = await store.assistants.get("a")
        assert last is not None
        assert last.metadata == {f"{one}": one for one in range(5)}

    async def test_assistants_are_found_by_what_their_current_version_says(self, store: Store) -> None:
        await store.assistants.create(assistant("1", user_id="ann", name="One", metadata={"in": {"a": True}}))
        await store.assistants.create(assistant("2", user_id="bob", name="Two 100%", graph_id="other"))
        await store.assistants.change("2", {"name": "tw_o"}, at=_LATER)

        async def found(**wanted: Any) -> list[str]:
            return [one.assistant_id for one in await store.assistants.list(**wanted)]

        assert await found() == ["2", "1"]
        assert await found(user_id="ann") == ["1"]
        assert await found(graph_id="other") == ["2"]
        assert await found(name="ONE") == ["1"]
        assert (await found(name="100%"), await found(name="w_o"), await found(name="n_")) == ([], ["2"], [])
        assert await found(metadata={"in": {"a": True}}) == ["1"]
