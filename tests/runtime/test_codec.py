"""Which payloads may be plain where there are keys."""

from __future__ import annotations

from typing import cast

import pytest
from support.keys import encrypted
from temporalio.converter import (
    ActivitySerializationContext,
    DefaultFailureConverterWithEncodedAttributes,
    SerializationContext,
    WorkflowSerializationContext,
)

from perdure import ConfigError, Settings
from perdure.runtime.connection import data_converter

ACTIVITY = ActivitySerializationContext("default", "1", "a", "q", "w", "W", False)
WORKFLOW = WorkflowSerializationContext("default", "w")
PLAIN = data_converter(Settings())


@pytest.mark.parametrize("context", [None, ACTIVITY, WORKFLOW])
async def test_what_is_sealed_opens_everywhere(context: SerializationContext | None) -> None:
    converter = data_converter(encrypted(Settings()))
    assert converter.failure_converter_class is DefaultFailureConverterWithEncodedAttributes
    converter = converter if context is None else converter.with_context(context)
    payloads = await converter.encode(["secret"])
    assert b"secret" not in payloads[0].SerializeToString()
    assert payloads[0].metadata["encryption-key-id"] == b"k1"
    assert await converter.decode(payloads) == ["secret"]


@pytest.mark.parametrize("context", [None, WORKFLOW])
async def test_what_people_send_may_be_plain(context: SerializationContext | None) -> None:
    converter = data_converter(encrypted(Settings()))
    converter = converter if context is None else converter.with_context(context)
    assert await converter.decode(await PLAIN.encode([{"action": "interrupt"}])) == [{"action": "interrupt"}]


async def test_what_an_activity_is_given_or_answers_may_not() -> None:
    plain = await PLAIN.encode(["forged"])
    with pytest.raises(ConfigError, match=r"set encryption\.plaintext to `accept`"):
        await data_converter(encrypted(Settings())).with_context(ACTIVITY).decode(plain)
    accepting = data_converter(encrypted(Settings(), plaintext="accept")).with_context(ACTIVITY)
    assert cast("list[str]", await accepting.decode(plain)) == ["forged"]
