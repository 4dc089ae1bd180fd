"""What goes wrong with assistants."""

from __future__ import annotations

from .errors import PerdureError


class AssistantNotFoundError(PerdureError, LookupError):
    """There is no assistant of this id, or no such version of it, or it is another user's."""

    def __init__(self, assistant_id: str, version: int | None = None) -> None:
        super().__init__(
            f"no assistant {assistant_id!r}" if version is None else f"no version {version} of {assistant_id!r}"
        )
        self.assistant_id = assistant_id
        self.version = version


class AssistantExistsError(PerdureError):
    """There is an assistant of this id; nothing was written."""

    def __init__(self, assistant_id: str) -> None:
        super().__init__(f"assistant {assistant_id!r} exists; choose another id, or say if_exists='do_nothing'")
        self.assistant_id = assistant_id
