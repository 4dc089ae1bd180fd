"""The connection to Temporal, and what Perdure needs to find there."""

from __future__ import annotations

import asyncio
import re
import time
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import cast

from pydantic import BaseModel
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    PayloadConverter,
)
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.errors import ConfigError, TemporalUnreachableError
from ..contracts.serialization.text import message_of
from ..contracts.settings import Settings
from ..contracts.wire import SEARCH_ATTRIBUTES
from .codec import SealingCodec
from .keys import open_keyring, open_keyring_aside
from .target import Target, temporal_target

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
RPC_LIMIT = timedelta(seconds=10)
"""Without one, a call to a server that hangs would never come back."""
VISIBLE_LIMIT = 15.0
"""Seconds to wait for new search attributes: a cluster's caches are refreshed each 10 s."""
_PAYLOAD_CONVERTER = PydanticPayloadConverter()
# The SDK makes a new payload converter twice for each task of a workflow, and one with pydantic is dear.
_PYDANTIC = cast("type[PayloadConverter]", lambda: _PAYLOAD_CONVERTER)


async def connect_temporal(settings: Settings) -> Client:
    """A client of the server that the settings and Temporal's environment configuration name.

    Raises `TemporalUnreachableError` within `temporal.connect_timeout`, or `ConfigError`.
    """
    return await connect(temporal_target(settings), settings, timeout=settings.temporal.connect_timeout)


async def connect(target: Target, settings: Settings, *, timeout: float) -> Client:
    """A client whose server has answered and has the namespace; `settings`: how it encrypts.

    Raises `TemporalUnreachableError` within `timeout` seconds, or `ConfigError`.
    """
    await open_keyring_aside(settings.encryption)
    converter = data_converter(settings)
    try:
        async with asyncio.timeout(timeout):
            client = await Client.connect(
                target.address,
                namespace=target.namespace,
                api_key=target.api_key,
                tls=target.tls,
                rpc_metadata=target.rpc_metadata,
                data_converter=converter,
            )
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=target.namespace))
            return client
    except TimeoutError as exc:
        raise _unusable(target, f"no answer within {timeout:g} s") from exc
    except RPCError as exc:
        raise _unusable(target, _refusal(exc, target)) from exc
    except (RuntimeError, ValueError) as exc:
        raise _unusable(target, _connect_cause(str(exc), target)) from exc


def _unusable(target: Target, cause: str) -> TemporalUnreachableError:
    return TemporalUnreachableError(target.address, cause, target.source("address"))


def _refusal(error: RPCError, target: Target) -> str:
    cause, source = _rpc_cause(error, target.namespace), None
    if error.status == RPCStatusCode.NOT_FOUND:
        source = target.source("namespace")
    if error.status in (RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED):
        source = target.source("api_key") or target.source("tls")
    return f"{cause}: see {source}" if source else cause


def data_converter(settings: Settings, given: DataConverter | None = None) -> DataConverter:
    """How all clients and workers of these settings put values into what crosses Temporal: for pydantic's models, and
    encrypted, if the settings say so.

    `given`: a team's own. What of it is not the SDK's default stays, its codec too. Raises `ConfigError`.
    """
    converter = given or DataConverter()
    if converter.payload_converter_class is DefaultPayloadConverter:
        converter = replace(converter, payload_converter_class=_PYDANTIC)
    keyring = open_keyring(settings.encryption)
    if keyring is None:
        return converter
    if converter.failure_converter_class is DefaultFailureConverter:
        converter = replace(converter, failure_converter_class=DefaultFailureConverterWithEncodedAttributes)
    codec = SealingCodec(keyring, accepts=settings.encryption.plaintext == "accept")
    return replace(converter, payload_codec=converter.payload_codec or codec)


class _Carried(BaseModel):
    """A model that pydantic's converter carries, and the SDK's own does not."""

    lasts: timedelta = timedelta(seconds=1)


def check_client(client: Client, settings: Settings) -> None:
    """Raises `ConfigError` for a client that does not carry our models, or does not encrypt where the settings do."""
    _require_pydantic(client)
    if settings.encryption.key_id is not None and client.data_converter.payload_codec is None:
        raise ConfigError(
            "encryption.key_id is set, and the client of Temporal encrypts nothing: make it with "
            "Client.connect(…, plugins=[perdure.PerdurePlugin()]), or with a payload codec of your own"
        )


def _require_pydantic(client: Client) -> None:
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


async def ensure_search_attributes(client: Client) -> list[str]:
    """Add the search attributes that are missing, and wait until the server knows them. Safe to repeat.

    The names of those that were added.

    Raises `ConfigError`, with the command that an operator has to run, when the server refuses.
    """
    try:
        missing = added = await missing_search_attributes(client)
        if missing:
            await _add_search_attributes(client, missing)
        deadline = time.monotonic() + VISIBLE_LIMIT
        while missing and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            missing = await missing_search_attributes(client)
    except RPCError as exc:
        if exc.status in _TRANSIENT:
            raise unreachable(client, exc) from exc
        raise ConfigError(_search_attributes_help(client, exc.message or exc.status.name)) from exc
    if missing:
        raise ConfigError(_search_attributes_help(client, f"added, but not there after {VISIBLE_LIMIT:g} s"))
    return added


_TRANSIENT = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


async def missing_search_attributes(client: Client) -> list[str]:
    """The names of those that the namespace lacks. Raises `ConfigError` for a wrong type, and `RPCError`."""
    request = ListSearchAttributesRequest(namespace=client.namespace)
    answer = await client.operator_service.list_search_attributes(request, timeout=RPC_LIMIT)
    present = answer.custom_attributes
    # The server accepts an addition under another type without a word and keeps the old one.
    if wrong := {name: present[name] for name in SEARCH_ATTRIBUTES if present.get(name, KEYWORD) != KEYWORD}:
        raise ConfigError(_wrong_types_help(client, wrong))
    return [name for name in SEARCH_ATTRIBUTES if name not in present]


def _wrong_types_help(client: Client, wrong: Mapping[str, IndexedValueType.ValueType]) -> str:
    told = ", ".join(
        f"{name} has the type {IndexedValueType.Name(kind).removeprefix('INDEXED_VALUE_TYPE_').capitalize()}"
        for name, kind in wrong.items()
    )
    names = " ".join(f"--name {name}" for name in wrong)
    return (
        f"search attributes of the namespace {client.namespace!r} have another type than Keyword: {told}. Use another "
        f"namespace, or `temporal operator search-attribute remove --address {_address(client)} "
        f"--namespace {client.namespace} {names}`"
    )


async def _add_search_attributes(client: Client, names: Iterable[str]) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict.fromkeys(names, KEYWORD))
    try:
        await client.operator_service.add_search_attributes(request, timeout=RPC_LIMIT)
    except RPCError as exc:
        if exc.status != RPCStatusCode.ALREADY_EXISTS:  # another process was faster
            raise


def _search_attributes_help(client: Client, cause: str) -> str:
    told = f"the search attributes of Perdure cannot be added to the namespace {client.namespace!r} ({cause}). "
    if any(cloud in _address(client) for cloud in _CLOUD):
        added = " ".join(f"--search-attribute {name}=Keyword" for name in SEARCH_ATTRIBUTES)
        return f"{told}Let an operator run: tcld namespace search-attributes add --namespace {client.namespace} {added}"
    added = " ".join(f"--name {name} --type Keyword" for name in SEARCH_ATTRIBUTES)
    return (
        f"{told}Let an operator run: temporal operator search-attribute create --address {_address(client)} "
        f"--namespace {client.namespace} {added}"
    )


_CLOUD = (".tmprl.cloud", ".temporal.io")
"""The addresses of Temporal Cloud, which has search attributes added by its own command only."""


def _address(client: Client) -> str:
    return client.service_client.config.target_host


def unreachable(client: Client, error: RPCError) -> TemporalUnreachableError:
    """What a call that has failed says of the server."""
    return TemporalUnreachableError(_address(client), _rpc_cause(error, client.namespace))


def _rpc_cause(error: RPCError, namespace: str) -> str:
    if error.status == RPCStatusCode.NOT_FOUND:
        return f"the namespace {namespace!r} does not exist there"
    return f"{error.status.name.lower().replace('_', ' ')}: {error.message}"


_WRONG_TLS = {
    "(UnknownIssuer": "nobody who is trusted has signed its certificate: see {tls} (server_ca_cert)",
    "(NotValidForName": "its certificate is for another name than its address: see {tls} (server_name)",
    "(Expired": "its certificate has expired",
    "NoCertificatesPresented": "the client's certificate is no PEM: see {tls} (client_cert)",
    "PrivateKeyParseError": "the client's key is no PEM: see {tls} (client_key)",
    "KeyMismatch": "the client's certificate and key do not belong together: see {tls} (client_cert, client_key)",
}
"""What the SDK's native library calls it, and what it is."""


def _connect_cause(text: str, target: Target) -> str:
    """The part for humans of what the SDK's native library says. Nothing of a key or a certificate is in it."""
    tls = target.source("tls") or "temporal.tls"
    if "InvalidContentType" in text:
        return f"it does not speak TLS, which {tls} asks for"
    if wrong := next((wrong for wrong in _WRONG_TLS if wrong in text), None):
        return _WRONG_TLS[wrong].format(tls=tls)
    if "h2 protocol error" in text:
        return "it does not speak gRPC"
    if "after connection" in text and "transport::Error" in text:
        # Also what the library says of a protocol error that it sees before its request is out.
        perhaps = f"wants another client certificate than {tls} gives" if target.tls else "wants TLS"
        return f"it ended the connection before it answered; perhaps it {perhaps}, or does not speak gRPC"
    if match := re.search(r'(?:message|error): "([^"]+)"', text):
        return match[1].lower() if "Os {" in text else match[1]
    return text.removeprefix("Failed client connect: ").removeprefix("Server connection error: ")[:200]
