"""Namespaces of a server, and their search attributes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from perdure.contracts.settings import Settings, TemporalSettings
from perdure.runtime.connection import KEYWORD, connect_temporal

__all__ = ["KEYWORD", "add_attributes", "bare_namespace", "client_of", "present"]


async def bare_namespace(address: str, name: str, retention: timedelta = timedelta(days=1)) -> Client:
    """A client of a new namespace of the server, which has no search attributes yet."""
    request = RegisterNamespaceRequest(namespace=name)
    request.workflow_execution_retention_period.FromTimedelta(retention)
    await (await client_of(address)).workflow_service.register_namespace(request)
    return await client_of(address, name)


async def client_of(address: str, namespace: str = "default") -> Client:
    return await connect_temporal(Settings(temporal=TemporalSettings(address=address, namespace=namespace)))


async def present(client: Client) -> Mapping[str, int]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return (await client.operator_service.list_search_attributes(request)).custom_attributes


async def add_attributes(client: Client, attributes: Mapping[str, IndexedValueType.ValueType]) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=attributes)
    await client.operator_service.add_search_attributes(request)
