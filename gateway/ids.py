"""The ids of the API: UUIDs, and those of the assistants that graphs have by themselves."""

from __future__ import annotations

import uuid
from functools import lru_cache
from typing import Annotated

from langchain_core.utils.uuid import uuid7
from pydantic import AfterValidator

from ..contracts.threads import STATELESS

_REPEATED = uuid.UUID("c1a3a8f2-6f0e-5d0b-9d0c-2f6d1f9d6f11")
"""The namespace of the ids that are made of idempotency keys."""


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def _thread(text: str) -> str:
    # A stateless run's thread is named after its run.
    if not _is_uuid(_without_firing(text.removeprefix(STATELESS))):
        raise ValueError("Invalid thread ID: must be a UUID")
    return text


def _without_firing(text: str) -> str:
    """A run that a cron has submitted is named after the cron, and the time at which that has fired."""
    return text.partition("@")[0]


def _run(text: str) -> str:
    if not _is_uuid(_without_firing(text)):
        raise ValueError("Invalid run ID: must be a UUID")
    return text


def _assistant(text: str) -> str:
    if not _is_uuid(text):
        raise ValueError("Invalid assistant ID: must be a UUID")
    return text


def _cron(text: str) -> str:
    if not _is_uuid(text):
        raise ValueError("Invalid cron ID: must be a UUID")
    return text


def _checkpoint(text: str) -> str:
    if not _is_uuid(text):
        raise ValueError("Invalid checkpoint ID")
    return text


ThreadId = Annotated[str, AfterValidator(_thread)]
RunId = Annotated[str, AfterValidator(_run)]
CronId = Annotated[str, AfterValidator(_cron)]
AssistantId = Annotated[str, AfterValidator(_assistant)]
CheckpointId = Annotated[str, AfterValidator(_checkpoint)]


def new_id() -> str:
    """In the order of time."""
    return str(uuid7())


def repeated_run_id(key: str | None, user_id: str | None, thread_id: str | None) -> str:
    """The same for the same idempotency key of a user on a thread; without a key a new one."""
    if key is None:
        return new_id()
    return str(uuid.uuid5(_REPEATED, "\n".join((user_id or "", thread_id or "", key))))


@lru_cache(maxsize=1000)
def assistant_of(graph: str) -> str:
    """The id of the assistant that each graph has. (Each token of a stream asks for it.)"""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, graph))


def is_assistant_id(text: str) -> bool:
    """Whether it is no graph's name."""
    return _is_uuid(text)
