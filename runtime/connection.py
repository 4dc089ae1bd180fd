"""The connection to Temporal, and what Perdure needs to find there."""

from __future__ import annotations

import asyncio
import re
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast

from pydantic import BaseModel
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultPayloadConverter, PayloadConverter
from temporalio.envconfig import ClientConfigProfile
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from ..contracts.errors import ConfigError, TemporalUnreachableError
from ..contracts.serialization.text import message_of
from ..contracts.settings import ServerSettings, Settings
from ..contracts.wire import SEARCH_ATTRIBUTES

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
RPC_LIMIT = timedelta(seconds=10)
"""Without one, a call to a server that hangs would never come back."""
VISIBLE_LIMIT = 15.0
"""Seconds to wait for new search attributes: a cluster's caches are refreshed each 10 s."""
_PAYLOAD_CONVERTER = PydanticPayloadConverter()
# The SDK makes a new payload converter twice for each task of a workflow, and one with pydantic is dear.
_PYDANTIC = cast("type[PayloadConverter]", lambda: _PAYLOAD_CONVERTER)
_DATA_CONVERTER = DataConverter(payload_converter_class=_PYDANTIC)


@dataclass(frozen=True, slots=True)
class Target:
    """A Temporal server, and how to speak to it."""

    address: str
    namespace: str
    api_key: str | None = None
    tls: bool | TLSConfig | None = None
    rpc_metadata: Mapping[str, str] = field(default_factory=dict[str, str])


def server_address(server: ServerSettings) -> str:
    """The `host:port` at which clients on this machine reach the development server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(server.ip, server.ip)
    return f"[{host}]:{server.port}" if ":" in host else f"{host}:{server.port}"


def temporal_target(settings: Settings) -> Target:
    """Where `connect_temporal` connects to.

    What the settings say explicitly comes first, then Temporal's own environment configuration, then the
    development server. Raises `ConfigError` when the environment configuration cannot be used.
    """
    explicit = settings.temporal.model_fields_set
    try:
        found = ClientConfigProfile.load().to_client_connect_config()
    except (RuntimeError, OSError, ValueError) as exc:
        raise ConfigError(f"Temporal's environment configuration (TEMPORAL_* variables, temporal.toml): {exc}") from exc
    temporal = settings.temporal
    local = server_address(settings.server)
    return Target(
        address=temporal.address or found.get("target_host", local),
        namespace=temporal.namespace if "namespace" in explicit else found.get("namespace", temporal.namespace),
        api_key=found.get("api_key"),
        tls=found.get("tls"),
        rpc_metadata=found.get("rpc_metadata", {}),
    )


async def connect_temporal(settings: Settings) -> Client:
    """A client of the server that the settings and Temporal's environment configuration name.

    Raises `TemporalUnreachableError` within `temporal.connect_timeout`, or `ConfigError`.
    """
    return await connect(temporal_target(settings), timeout=settings.temporal.connect_timeout)


async def connect(target: Target, *, timeout: float) -> Client:
    """A client whose server has answered and has the namespace.

    Raises `TemporalUnreachableError` within `timeout` seconds.
    """
    try:
        async with asyncio.timeout(timeout):
            client = await Client.connect(
                target.address,
                namespace=target.namespace,
                api_key=target.api_key,
                tls=target.tls,
                rpc_metadata=target.rpc_metadata,
                data_converter=_DATA_CONVERTER,
            )
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=target.namespace))
            return client
    except TimeoutError as exc:
        raise TemporalUnreachableError(target.address, f"no answer within {timeout:g} s") from exc
    except RPCError as exc:
        raise TemporalUnreachableError(target.address, _rpc_cause(exc, target.namespace)) from exc
    except (RuntimeError, ValueError) as exc:
        raise TemporalUnreachableError(target.address, _connect_cause(str(exc))) from exc


def with_pydantic(converter: DataConverter | None) -> DataConverter:
    """A client's data converter, for pydantic's models; its codec stays, and so does one that is not the SDK's own."""
    if converter is None:
        return _DATA_CONVERTER
    if converter.payload_converter_class is not DefaultPayloadConverter:
        return converter
    return replace(converter, payload_converter_class=_PYDANTIC)


class _Carried(BaseModel):
    """A model that pydantic's converter carries, and the SDK's own does not."""

    lasts: timedelta = timedelta(seconds=1)


def require_pydantic(client: Client) -> None:
    """Raises `ConfigError` for a client that does not carry our models, which are pydantic's."""
    converter, model = client.data_converter.payload_converter, _Carried()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the SDK's own warns here, and is refused below
            if converter.from_payloads(converter.to_payloads([model]), [_Carried]) == [model]:
                return
    except Exception as exc:
        raise ConfigError(f"{_PYDANTIC_HELP} ({message_of(exc)})") from exc
    raise ConfigError(_PYDANTIC_HELP)


_PYDANTIC_HELP = (
    "the client of Temporal cannot carry Perdure's models, because its data converter does not know pydantic's: make "
    "it with Client.connect(…, plugins=[perdure.PerdurePlugin()]), which keeps its payload codec, or with "
    "data_converter=temporalio.contrib.pydantic.pydantic_data_converter"
)


async def ensure_search_attributes(client: Client) -> None:
    """Add the search attributes that are missing, and wait until the server knows them. Safe to repeat.

    Raises `ConfigError`, with the command that an operator has to run, when the server refuses.
    """
    try:
        missing = await _missing_search_attributes(client)
        if missing:
            await _add_search_attributes(client, missing)
        deadline = time.monotonic() + VISIBLE_LIMIT
        while missing and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            missing = await _missing_search_attributes(client)
    except RPCError as exc:
        if exc.status in _TRANSIENT:
            raise unreachable(client, exc) from exc
        raise ConfigError(_search_attributes_help(client, exc.message or exc.status.name)) from exc
    if missing:
        raise ConfigError(_search_attributes_help(client, f"added, but not there after {VISIBLE_LIMIT:g} s"))


_TRANSIENT = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


async def _missing_search_attributes(client: Client) -> list[str]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request, timeout=RPC_LIMIT)
    present = answer.custom_attributes
    # The server accepts an addition under another type without a word and keeps the old one.
    for name in SEARCH_ATTRIBUTES:
        if present.get(name, KEYWORD) != KEYWORD:
            kind = IndexedValueType.Name(present[name]).removeprefix("INDEXED_VALUE_TYPE_").capitalize()
            raise ConfigError(
                f"the search attribute {name} of the namespace {client.namespace!r} has the type {kind} and must be a "
                f"Keyword: use another namespace, or `temporal operator search-attribute remove --name {name}`"
            )
    return [name for name in SEARCH_ATTRIBUTES if name not in present]


async def _add_search_attributes(client: Client, names: Iterable[str]) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict.fromkeys(names, KEYWORD))
    try:
        await client.operator_service.add_search_attributes(request, timeout=RPC_LIMIT)
    except RPCError as exc:
        if exc.status != RPCStatusCode.ALREADY_EXISTS:  # another process was faster
            raise


def _search_attributes_help(client: Client, cause: str) -> str:
    attributes = " ".join(f"--name {name} --type Keyword" for name in SEARCH_ATTRIBUTES)
    return (
        f"the search attributes of Perdure cannot be added to the namespace {client.namespace!r} ({cause}). "
        f"Let an operator run: temporal operator search-attribute create --address {_address(client)} "
        f"--namespace {client.namespace} {attributes}"
    )


def _address(client: Client) -> str:
    return client.service_client.config.target_host


def unreachable(client: Client, error: RPCError) -> TemporalUnreachableError:
    """What a call that has failed says of the server."""
    return TemporalUnreachableError(_address(client), _rpc_cause(error, client.namespace))


def _rpc_cause(error: RPCError, namespace: str) -> str:
    if error.status == RPCStatusCode.NOT_FOUND:
        return f"the namespace {namespace!r} does not exist there"
    return f"{error.status.name.lower().replace('_', ' ')}: {error.message}"


def _connect_cause(text: str) -> str:
    """The part for humans of what the SDK's native library says."""
    if "InvalidContentType" in text:
        return "it does not speak TLS, which TEMPORAL_TLS, TEMPORAL_API_KEY or the profile asks for"
    if "h2 protocol error" in text:
        return "it does not speak gRPC"
    if "after connection" in text and "transport::Error" in text:
        # Also what the library says of a protocol error that it sees before its request is out.
        return "it ended the connection before it answered; perhaps it does not speak gRPC"
    if match := re.search(r'(?:message|error): "([^"]+)"', text):
        return match[1].lower() if "Os {" in text else match[1]
    return text.removeprefix("Failed client connect: ").removeprefix("Server connection error: ")[:200]
