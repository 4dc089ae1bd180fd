from __future__ import annotations

import asyncio
import re
import shlex
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes
from temporalio.service import RPCError

from perdure.contracts.errors import ConfigError
from perdure.contracts.settings import Settings, TemporalSettings
from perdure.contracts.wire import SEARCH_ATTRIBUTES
from perdure.runtime.connection import KEYWORD, connect_temporal, ensure_search_attributes
from perdure.runtime.dev_server import DevServer

INT = IndexedValueType.INDEXED_VALUE_TYPE_INT


async def bare_namespace(server: DevServer, name: str) -> Client:
    """A client of a new namespace, which has no search attributes yet."""
    request = RegisterNamespaceRequest(namespace=name)
    request.workflow_execution_retention_period.FromTimedelta(timedelta(days=1))
    await (await server.connect()).workflow_service.register_namespace(request)
    return await connect_temporal(Settings(temporal=TemporalSettings(address=server.address, namespace=name)))


async def present(client: Client) -> Mapping[str, int]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return (await client.operator_service.list_search_attributes(request)).custom_attributes


async def add(client: Client, attributes: Mapping[str, IndexedValueType.ValueType]) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=attributes)
    await client.operator_service.add_search_attributes(request)


async def test_they_are_added_where_they_are_missing(server: DevServer) -> None:
    client = await bare_namespace(server, "without")
    assert not set(SEARCH_ATTRIBUTES) & set(await present(client))
    await ensure_search_attributes(client)
    assert {name: (await present(client))[name] for name in SEARCH_ATTRIBUTES} == dict.fromkeys(
        SEARCH_ATTRIBUTES, KEYWORD
    )


async def test_only_the_missing_ones_are_added(server: DevServer) -> None:
    client = await bare_namespace(server, "with-one")
    await add(client, {"ThreadId": KEYWORD, "Customer": INT})
    await ensure_search_attributes(client)
    assert {*SEARCH_ATTRIBUTES, "Customer"} <= set(await present(client))


async def test_several_processes_may_add_them(server: DevServer) -> None:
    client = await bare_namespace(server, "contended")
    await asyncio.gather(*(ensure_search_attributes(client) for _ in range(5)))
    assert set(SEARCH_ATTRIBUTES) <= set(await present(client))


async def test_one_of_another_type_is_an_error(server: DevServer) -> None:
    client = await bare_namespace(server, "wrong-type")
    await add(client, {"RunStatus": INT})
    with pytest.raises(ConfigError, match=r"RunStatus .* has the type Int and must be a Keyword"):
        await ensure_search_attributes(client)


async def test_a_refusal_names_the_command_for_an_operator(server: DevServer) -> None:
    client = await bare_namespace(server, "full")
    await add(client, {f"Keyword{number}": KEYWORD for number in range(8)})  # the server holds 10
    with pytest.raises(ConfigError, match="cannot have more than 10") as caught:
        await ensure_search_attributes(client)

    # The very command works, where the server does not refuse it.
    command = re.sub("--namespace full", "--namespace by-hand", str(caught.value).partition("run: ")[2])
    other = await bare_namespace(server, "by-hand")
    arguments = shlex.split(command)
    assert arguments[0] == "temporal"
    process = await asyncio.create_subprocess_exec(str(Path(sys.prefix) / "bin" / "temporal"), *arguments[1:])
    assert await process.wait() == 0
    assert set(SEARCH_ATTRIBUTES) <= set(await present(other))


async def test_a_workflow_may_use_them_at_once(server: DevServer) -> None:
    client = await bare_namespace(server, "at-once")
    key = SearchAttributeKey.for_keyword("ThreadId")
    attributes = TypedSearchAttributes([SearchAttributePair(key, "t")])
    with pytest.raises(RPCError, match="ThreadId"):
        await client.start_workflow("W", id="before", task_queue="q", search_attributes=attributes)
    await ensure_search_attributes(client)
    await client.start_workflow("W", id="after", task_queue="q", search_attributes=attributes)
