"""A page that sends less of a conversation than its thread has wants to have it told again from there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...contracts.threads import ThreadDetails
from ...facade.runs import RunsFacade
from .conversations import MESSAGES, Message, id_of, messages_in

_PAGE = 100


async def told_again(runs: RunsFacade, thread: ThreadDetails, sent: Mapping[str, Any]) -> dict[str, Any] | None:
    """The input, and the checkpoint that it is given to: before the last message of the page was there.

    `None`: what the page has sent last is new, or is the thread's newest, too.
    """
    message = _last_of_user(sent)
    if message is None or not _is_followed(thread.values, id_of(message)):
        return None
    checkpoint_id = await _before(runs, thread.thread_id, id_of(message))
    if checkpoint_id is None:
        return None
    return {"checkpoint_id": checkpoint_id, "input": {MESSAGES: [message]}}


def _last_of_user(sent: Mapping[str, Any]) -> Message | None:
    found = messages_in(sent)
    return found[-1] if found and found[-1].get("type") == "human" and id_of(found[-1]) else None


def _is_followed(values: Any, message_id: str) -> bool:
    ids = [id_of(one) for one in messages_in(values)]
    return message_id in ids[:-1]


async def _before(runs: RunsFacade, thread_id: str, message_id: str) -> str | None:
    """The newest checkpoint without the message."""
    before: str | None = None
    while page := await runs.history(thread_id, limit=_PAGE, before=before):
        for snapshot in page:
            if message_id not in {id_of(one) for one in messages_in(snapshot.values)}:
                return snapshot.checkpoint_id
        before = page[-1].checkpoint_id
    return None
