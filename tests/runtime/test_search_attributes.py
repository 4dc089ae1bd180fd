from __future__ import annotations

import asyncio
import re
import shlex
import sys
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from support.namespaces import KEYWORD, add_attributes, bare_namespace, present
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from perdure.contracts.errors import ConfigError
from perdure.contracts.wire import SEARCH_ATTRIBUTES
from perdure.runtime.connection import ensure_search_attributes
from perdure.runtime.dev_server import DevServer

INT = IndexedValueType.INDEXED_VALUE_TYPE_INT


async def test_they_are_added_where_they_are_missing(server: DevServer) -> None:
    client = await bare_namespace(server.address, "without")
    assert not set(SEARCH_ATTRIBUTES) & set(await present(client))
    await ensure_search_attributes(client)
    assert {name: (await present(client))[name] for name in SEARCH_ATTRIBUTES} == dict.fromkeys(
        SEARCH_ATTRIBUTES, KEYWORD
    )


async def test_only_the_missing_ones_are_added(server: DevServer) -> None:
    client = await bare_namespace(server.address, "with-one")
    await add_attributes(client, {"ThreadId": KEYWORD, "Customer": INT})
    await ensure_search_attributes(client)
    assert {*SEARCH_ATTRIBUTES, "Customer"} <= set(await present(client))


async def test_several_processes_may_add_them(server: DevServer) -> None:
    client = await bare_namespace(server.address, "contended")
    await asyncio.gather(*(ensure_search_attributes(client) for _ in range(5)))
    assert set(SEARCH_ATTRIBUTES) <= set(await present(client))


async def test_one_of_another_type_is_an_error(server: DevServer) -> None:
    client = await bare_namespace(server.address, "wrong-type")
    await add_attributes(client, {"RunStatus": INT})
    with pytest.raises(ConfigError, match=r"another type than Keyword: RunStatus has the type Int"):
        await ensure_search_attributes(client)


async def test_a_refusal_names_the_command_for_an_operator(server: DevServer) -> None:
    client = await bare_namespace(server.address, "full")
    await add_attributes(client, {f"Keyword{number}": KEYWORD for number in range(8)})  # the server holds 10
    with pytest.raises(ConfigError, match="cannot have more than 10") as caught:
        await ensure_search_attributes(client)

    # The very command works, where the server does not refuse it.
    command = re.sub("--namespace full", "--namespace by-hand", str(caught.value).partition("run: ")[2])
    other = await bare_namespace(server.address, "by-hand")
    arguments = shlex.split(command)
    assert arguments[0] == "temporal"
    process = await asyncio.create_subprocess_exec(str(Path(sys.prefix) / "bin" / "temporal"), *arguments[1:])
    assert await process.wait() == 0
    assert set(SEARCH_ATTRIBUTES) <= set(await present(other))


async def test_a_workflow_may_use_them_at_once(server: DevServer) -> None:
    client = await bare_namespace(server.address, "at-once")
    key = SearchAttributeKey.for_keyword("ThreadId")
    attributes = TypedSearchAttributes([SearchAttributePair(key, "t")])
    with pytest.raises(RPCError, match="ThreadId"):
        await client.start_workflow("W", id="before", task_queue="q", search_attributes=attributes)
    await ensure_search_attributes(client)
    await client.start_workflow("W", id="after", task_queue="q", search_attributes=attributes)


@pytest.mark.parametrize(
    ("address", "command"),
    [
        ("jobs.acme.tmprl.cloud:7233", "tcld namespace search-attributes add --namespace default --search-attribute "),
        ("eu-west-1.aws.api.temporal.io:7233", "tcld namespace search-attributes add --namespace default "),
        ("temporal.internal:7233", "temporal operator search-attribute create --address temporal.internal:7233 "),
    ],
)
async def test_cloud_has_a_command_of_its_own(
    address: str, command: str, server: DevServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await bare_namespace(server.address, f"refusing-{len(address)}")
    refusal = RPCError("Request unauthorized.", RPCStatusCode.PERMISSION_DENIED, b"")
    monkeypatch.setattr(client.operator_service, "add_search_attributes", AsyncMock(side_effect=refusal))
    monkeypatch.setattr(client.service_client.config, "target_host", address)
    with pytest.raises(ConfigError) as caught:
        await ensure_search_attributes(client)
    assert f"Let an operator run: {command}" in str(caught.value).replace("refusing-" + str(len(address)), "default")
