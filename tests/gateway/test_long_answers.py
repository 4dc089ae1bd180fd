"""Answers that take long, and what their readers share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from starlette.types import Message

from perdure import StreamEvent
from perdure.gateway import long_answers
from perdure.gateway.context import Context
from perdure.gateway.frames import Frames, position_of
from perdure.gateway.long_answers import LongAnswer
from perdure.gateway.shared_frames import SharedFrames


async def never() -> Message:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_reader_that_takes_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_answers, "PATIENCE", 0.1)
    context, closed = Context(cast("Any", None)), asyncio.Event()

    async def parts() -> AsyncGenerator[bytes]:
        try:
            yield b"a part"
        finally:
            closed.set()

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            await never()

    async with asyncio.timeout(5):
        await LongAnswer(context, parts())({"type": "http"}, never, send)
    assert (closed.is_set(), context.open) == (True, 0)


async def test_who_ends_an_answer_from_outside_is_heard() -> None:
    async def parts() -> AsyncGenerator[bytes]:
        await never()
        yield b""

    async def send(message: Message) -> None:
        return

    answering = asyncio.ensure_future(LongAnswer(Context(cast("Any", None)), parts())({"type": "http"}, never, send))
    await asyncio.sleep(0)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering


def test_readers_in_the_same_modes_share_what_is_sent() -> None:
    shared, event = SharedFrames(), StreamEvent(id="3", event="updates", data={"a": 1})
    updates = shared.of("run", event, Frames(["updates"]))
    assert updates == b'event: updates\r\ndata: {"a":1}\r\nid: 3\r\n\r\n'
    assert shared.of("run", event, Frames(["updates"])) is updates
    assert shared.of("run", event, Frames(["values"])) == b""
    assert shared.of("run", event, Frames(["updates"], position_of("3"))) == b""
    other = StreamEvent(id="3", event="updates", data={"a": 2})
    assert shared.of("other run", other, Frames(["updates"])) != updates


def test_a_gap_is_no_event_of_the_run() -> None:
    shared, gap = SharedFrames(), StreamEvent(id="3", event="gap", data={"first_available_id": "4"})
    assert b"gap" in shared.of("run", gap, Frames(["updates"]))
    event = StreamEvent(id="3", event="updates", data={"a": 1})
    assert b"updates" in shared.of("run", event, Frames(["updates"]))
