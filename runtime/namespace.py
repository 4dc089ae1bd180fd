"""What Perdure needs of a namespace of Temporal: its search attributes, permissions, limits and retention."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    GetSystemInfoRequest,
    SignalWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from ..contracts.errors import ConfigError, PerdureError
from ..contracts.settings import Settings
from ..contracts.wire import SEARCH_ATTRIBUTES, SIGNAL_CANCEL
from .check import Check, Level, bounded
from .connection import RPC_LIMIT, connect_temporal, ensure_search_attributes, missing_search_attributes
from .target import temporal_target

_RETENTION = timedelta(days=1)
"""As long as a run that somebody has terminated may have to wait for a worker that writes its end down."""
_OLDEST = (1, 29)
"""The oldest server that Perdure was tried with."""
_PAYLOAD = 2 * 1024 * 1024
"""Bytes. Answers of 1.5 MB go through a workflow."""
_REFUSED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
_SETUP = "run `perdure setup`; a worker does it too, when it starts, if it may"


async def examine_namespace(client: Client, settings: Settings, *, missing: Level = "warn") -> AsyncIterator[Check]:
    """Each of them, one after the other; nothing is changed. `missing`: how bad a missing search attribute is."""
    yield await bounded("temporal", check_temporal(client, settings), service=True)
    yield await bounded("search attributes", check_search_attributes(client, missing), service=True)
    for name, check in _CHECKS.items():
        yield await bounded(name, check(client), service=True)


async def set_up_namespace(client: Client, settings: Settings) -> AsyncIterator[Check]:
    """The same; what is missing is added before. What is there already stays as it is."""
    added = await bounded("search attributes", _add_search_attributes(client), service=True)
    async for check in examine_namespace(client, settings):
        yield added if check.name == added.name else check


async def reached(settings: Settings) -> Client | Check:
    """A client, or why there is none."""
    try:
        return await connect_temporal(settings)
    except ConfigError as exc:
        return Check(name="temporal", level="fail", detail=str(exc), advice="correct what is named")
    except PerdureError as exc:
        return Check(name="temporal", level="fail", detail=str(exc), advice=_advice(settings), service=True)


def _advice(settings: Settings) -> str:
    source = temporal_target(settings).source("address")
    return f"start that server, or correct {source}" if source else "start `perdure dev`"


async def check_temporal(client: Client, settings: Settings) -> Check:
    """Temporal answers, has the namespace, and is not too old."""
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=RPC_LIMIT)
    detail = f"{temporal_target(settings)}, server {system.server_version}"
    if is_old(system.server_version):
        advice = f"Perdure was tried with {'.'.join(map(str, _OLDEST))} and later"
        return Check(name="temporal", level="warn", detail=detail, advice=advice, service=True)
    return Check(name="temporal", level="ok", detail=detail, service=True)


async def check_search_attributes(client: Client, missing: Level) -> Check:
    """The namespace has the search attributes of runs, each of its type."""
    if absent := await missing_search_attributes(client):
        detail = f"missing: {', '.join(absent)}"
        return Check(name="search attributes", level=missing, detail=detail, advice=_SETUP, service=True)
    return Check(name="search attributes", level="ok", detail=", ".join(SEARCH_ATTRIBUTES), service=True)


async def _add_search_attributes(client: Client) -> Check:
    added = await ensure_search_attributes(client)
    there = [name for name in SEARCH_ATTRIBUTES if name not in added]
    parts = [f"added: {', '.join(added)}"] if added else []
    parts += [f"there already: {', '.join(there)}"] if there else []
    return Check(name="search attributes", level="ok", detail="; ".join(parts), service=True)


async def check_permissions(client: Client) -> Check:
    """Runs can be listed, and signals sent: to a workflow that there is not, so that nothing happens."""
    nobody = WorkflowExecution(workflow_id=f"setup-{uuid.uuid4()}")
    service, namespace = client.workflow_service, client.namespace
    signal = SignalWorkflowExecutionRequest(namespace=namespace, workflow_execution=nobody, signal_name=SIGNAL_CANCEL)
    count = CountWorkflowExecutionsRequest(namespace=namespace, query=f'WorkflowId = "{nobody.workflow_id}"')
    refused = [
        *await _refused("read", service.count_workflow_executions(count, timeout=RPC_LIMIT)),
        *await _refused("write", service.signal_workflow_execution(signal, timeout=RPC_LIMIT)),
    ]
    if not refused:
        return Check(name="permissions", level="ok", detail="to read and to write", service=True)
    detail = "; ".join(refused)
    advice = f"give the API key or certificate the role of a writer in the namespace {namespace}"
    return Check(name="permissions", level="fail", detail=detail, advice=advice, service=True)


async def _refused(what: str, call: Awaitable[object]) -> list[str]:
    try:
        await call
    except RPCError as exc:
        if exc.status in _REFUSED:
            return [f"no permission to {what}: {exc.message}"]
        if exc.status != RPCStatusCode.NOT_FOUND:
            raise
    return []


async def check_limits(client: Client) -> Check:
    """Updates are enabled, and payloads large enough."""
    info = (await _described(client)).namespace_info
    wrong = list(_missing_capabilities(info.capabilities.sync_update, info.capabilities.async_update))
    payload = info.limits.blob_size_limit_error
    told = f", payloads up to {payload:,} bytes" if payload else ""
    if wrong:
        detail = f"{' and '.join(wrong)} not enabled: nobody can submit a run"
        return Check(name="limits", level="fail", detail=detail, advice=_UPDATES, service=True)
    if 0 < payload < _PAYLOAD:
        advice = f"set limit.blobSize.error of the server to {_PAYLOAD}: large answers of people are refused"
        return Check(name="limits", level="warn", detail=f"updates{told}", advice=advice, service=True)
    return Check(name="limits", level="ok", detail=f"updates{told}", service=True)


_UPDATES = (
    "set frontend.enableUpdateWorkflowExecution (and …AsyncAccepted) to true in the server's dynamic configuration"
)


def _missing_capabilities(sync_update: bool, async_update: bool) -> Iterator[str]:
    if not sync_update:
        yield "updates of workflows are"
    if not async_update:
        yield "asynchronous updates are"


async def check_retention(client: Client) -> Check:
    """What has ended is remembered for long enough."""
    retention = (await _described(client)).config.workflow_execution_retention_ttl.ToTimedelta()
    told = f"what has ended is in Temporal for {_hours(retention)}"
    if retention >= _RETENTION or not retention:  # none: for ever
        return Check(name="retention", level="ok", detail=told, service=True)
    detail = (
        f"{told}: too short for runs that are terminated from outside while no worker is up, which are then recorded "
        "as lost"
    )
    advice = f"`temporal operator namespace update --namespace {client.namespace} --retention 72h`"
    return Check(name="retention", level="warn", detail=detail, advice=advice, service=True)


_CHECKS: dict[str, Callable[[Client], Awaitable[Check]]] = {
    "permissions": check_permissions,
    "limits": check_limits,
    "retention": check_retention,
}


async def _described(client: Client) -> DescribeNamespaceResponse:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    return await client.workflow_service.describe_namespace(request, timeout=RPC_LIMIT)


def is_old(version: str) -> bool:
    """A version that is not written in numbers is nobody's that we know."""
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) < _OLDEST


def _hours(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} h"
