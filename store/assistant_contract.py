"""What a store keeps of assistants."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from ..contracts.assistants import AssistantRecord, AssistantVersion


class AssistantStore(Protocol):
    """Assistants and their versions. `user_id`: whose it has to be; `None`: anybody's."""

    async def create(self, assistant: AssistantRecord) -> tuple[AssistantRecord, bool]:
        """Write an assistant with its first version; or what is there already, whoever's it is, and `False`."""
        ...

    async def get(self, assistant_id: str, *, user_id: str | None = None) -> AssistantRecord | None: ...

    async def change(
        self, assistant_id: str, changes: Mapping[str, Any], *, at: datetime, user_id: str | None = None
    ) -> AssistantRecord | None:
        """Make a version that differs so (`AssistantFields.changed`) from the current one, and let it be current."""
        ...

    async def set_version(
        self, assistant_id: str, version: int, *, at: datetime, user_id: str | None = None
    ) -> AssistantRecord | None:
        """Let a version be the current one; `None` where there is no such version."""
        ...

    async def versions(self, assistant_id: str) -> list[AssistantVersion]:
        """All of them, the newest first."""
        ...

    async def list(
        self,
        *,
        user_id: str | None = None,
        graph_id: str | None = None,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> list[AssistantRecord]:
        """Those that have all of this, the last created first. `name`: a part of it, in any case."""
        ...

    async def delete(self, assistant_id: str, *, user_id: str | None = None) -> bool:
        """Remove it with its versions; whether there was one."""
        ...
