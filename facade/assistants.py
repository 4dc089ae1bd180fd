"""`Assistants`: a graph with a config and a context that runs begin with."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from ..contracts.actor import resolve_user_id
from ..contracts.assistant_errors import AssistantExistsError, AssistantNotFoundError
from ..contracts.assistants import AssistantFields, AssistantRecord, AssistantVersion
from ..contracts.errors import InvalidRunError, UnknownGraphError
from ..contracts.filters import Filter
from ..store.assistant_contract import AssistantStore
from .thread_filters import scalars

Graphs = Callable[..., Awaitable[list[str]]]
_CHANGED = frozenset(AssistantFields.model_fields)


class Assistants:
    """The assistants of one facade: `runs.assistants`. Another user's are not found."""

    def __init__(self, store: AssistantStore, graphs: Graphs) -> None:
        """`graphs`: the names of those that there are (`RunsFacade.list_graphs`)."""
        self._store = store
        self._graphs = graphs

    async def create(
        self,
        fields: AssistantFields,
        *,
        assistant_id: str | None = None,
        if_exists: Literal["raise", "do_nothing"] = "raise",
    ) -> AssistantRecord:
        """A new assistant. With `if_exists="do_nothing"` the caller's own that is there already, as it is.

        Raises `AssistantExistsError`, also for another user's, and `UnknownGraphError`.
        """
        await self._check_graph(fields.graph_id)
        now, user_id = datetime.now(UTC), resolve_user_id()
        found, written = await self._store.create(
            AssistantRecord(
                **{name: getattr(fields, name) for name in AssistantFields.model_fields},
                assistant_id=assistant_id or str(uuid.uuid4()),
                user_id=user_id,
                created_at=now,
                updated_at=now,
            )
        )
        if not written and (if_exists == "raise" or user_id not in (None, found.user_id)):
            raise AssistantExistsError(found.assistant_id)
        return found

    async def get(self, assistant_id: str) -> AssistantRecord | None:
        """The assistant, `None` for an unknown one."""
        return await self._store.get(assistant_id, user_id=resolve_user_id())

    async def list(
        self,
        *,
        graph_id: str | None = None,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        matching: Filter | None = None,
    ) -> builtins.list[AssistantRecord]:
        """Those that have all of this, the last created first. `name`: a part of it, in any case.

        `metadata`: an object of texts, numbers, booleans and nulls, each of which has to be there at the same depth.
        `matching`: what the metadata have to be besides.
        """
        wanted = scalars(metadata, "metadata")
        found = await self._store.list(user_id=resolve_user_id(), graph_id=graph_id, name=name, metadata=wanted)
        return [one for one in found if matching is None or matching.matches(one.metadata)]

    async def update(self, assistant_id: str, **changes: Any) -> AssistantRecord:
        """A new version, which is the current one then: metadata is merged, each other field of a version replaced.

        Raises `AssistantNotFoundError`, `UnknownGraphError`, and `InvalidRunError` for what is no field.
        """
        if unknown := changes.keys() - _CHANGED:
            raise InvalidRunError(f"{min(unknown)} is no field of an assistant", field=min(unknown))
        if "graph_id" in changes:
            await self._check_graph(changes["graph_id"])
        found = await self._store.change(assistant_id, changes, at=datetime.now(UTC), user_id=resolve_user_id())
        if found is None:
            raise AssistantNotFoundError(assistant_id)
        return found

    async def versions(self, assistant_id: str) -> builtins.list[AssistantVersion]:
        """All of them, the newest first. Raises `AssistantNotFoundError`."""
        if await self.get(assistant_id) is None:
            raise AssistantNotFoundError(assistant_id)
        return await self._store.versions(assistant_id)

    async def set_version(self, assistant_id: str, version: int) -> AssistantRecord:
        """Let a version be the current one, in all that it says. Raises `AssistantNotFoundError`."""
        now, user_id = datetime.now(UTC), resolve_user_id()
        found = await self._store.set_version(assistant_id, version, at=now, user_id=user_id)
        if found is None:
            there = await self.get(assistant_id)
            raise AssistantNotFoundError(assistant_id, None if there is None else version)
        return found

    async def delete(self, assistant_id: str) -> bool:
        """Remove it with its versions; its runs stay as they are. False if unknown."""
        return await self._store.delete(assistant_id, user_id=resolve_user_id())

    async def _check_graph(self, graph_id: str) -> None:
        known = await self._graphs(gone=True)
        if graph_id not in known:
            raise UnknownGraphError(graph_id, known)
