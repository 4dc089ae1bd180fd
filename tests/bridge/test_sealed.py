"""A bridge whose events are sealed: the same promises, and nothing of the data beneath."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.keys import BOTH, KEYRING, ROTATED

from perdure.bridge import Bridge, MemoryBridge, MemoryStreams
from perdure.bridge.conformance import BridgeConformance
from perdure.bridge.contract import NewEvent
from perdure.bridge.sealed import SealedBridge
from perdure.contracts.errors import UnavailableError
from perdure.contracts.keyring import Keyring
from perdure.contracts.types import StreamEvent

STREAMS = MemoryStreams()
SECRET = b'{"said": "the recipe of the cheese"}'


async def opened(keyring: Keyring | None, streams: MemoryStreams) -> SealedBridge:
    bridge = SealedBridge(MemoryBridge(streams), keyring)
    await bridge.start()
    return bridge


async def read(bridge: Bridge) -> list[StreamEvent]:
    return [event async for event in bridge.subscribe("run")]


class TestSealed(BridgeConformance):
    @pytest.fixture
    async def bridge(self) -> AsyncIterator[Bridge]:
        bridge = await opened(Keyring("k1", BOTH), STREAMS)
        yield bridge
        await bridge.close()

    @pytest.fixture
    async def peer(self, bridge: Bridge) -> AsyncIterator[Bridge]:
        peer = await opened(ROTATED, STREAMS)
        yield peer
        await peer.close()


async def test_beneath_it_is_json_that_shows_nothing_and_what_was_plain_is_read() -> None:
    streams = MemoryStreams()
    plain, sealed = await opened(None, streams), await opened(KEYRING, streams)
    await plain.create("run")
    await plain.publish("run", [NewEvent("values", SECRET)], fence=1)
    await sealed.publish("run", [NewEvent("values", SECRET), NewEvent("", b"", key="k")], fence=1)
    await sealed.publish_terminal("run", NewEvent("end", SECRET), fence=1)
    said = {"said": "the recipe of the cheese"}
    assert [event.data for event in await read(sealed)] == [said, said, said]
    beneath = await read(sealed.inner)
    assert [(event.id, event.event) for event in beneath] == [("1", "values"), ("2", "values"), ("3", "end")]
    assert "cheese" not in f"{beneath[1:]}"
    with pytest.raises(UnavailableError, match=r"encryption\.key_id is not set"):
        await read(plain)
