"""Who polls a task queue. A worker's identity in Temporal says of which installation it is."""

from __future__ import annotations

import time
from collections.abc import Iterable

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ..contracts.errors import ConfigError
from ..facade.submission import Polling
from .connection import RPC_LIMIT, unreachable

POLLER_LIFETIME = 90.0
"""Seconds after its last poll for which a worker counts as present: a poll lasts 60 s when there is no work."""
_MARK = " perdure:"
WORKFLOWS, ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
"""What a task queue is polled for."""


def identity(process: str, installation: str) -> str:
    """Of a worker, in Temporal."""
    return f"{process}{_MARK}{installation}"


async def look_at_pollers(
    client: Client, task_queue: str, installation: str, *, of: TaskQueueType.ValueType = WORKFLOWS
) -> Polling:
    """Who has polled for workflows lately (or for activities). Raises `TemporalUnreachableError`."""
    try:
        pollers, namespace = await _pollers(client, task_queue, of), await namespace_id(client)
    except RPCError as exc:
        raise unreachable(client, exc) from exc
    others = tuple(_told(poller) for poller in pollers if _is_other(poller, installation))
    return Polling(ours=len(others) < len(pollers), others=others, namespace_id=namespace)


async def workers_polling(client: Client, task_queue: str) -> bool:
    """Whether a worker polls the task queue for workflows.

    A worker that was killed still counts for `POLLER_LIFETIME`. Raises `TemporalUnreachableError`.
    """
    try:
        return bool(await _pollers(client, task_queue, WORKFLOWS))
    except RPCError as exc:
        raise unreachable(client, exc) from exc


def any_recent(pollers: Iterable[PollerInfo], now: float) -> bool:
    """Whether one of the pollers was seen within `POLLER_LIFETIME` before `now` (Unix time)."""
    return any(now - poller.last_access_time.ToMicroseconds() / 1e6 <= POLLER_LIFETIME for poller in pollers)


async def check_alone(
    client: Client, task_queue: str, installation: str, *, of: TaskQueueType.ValueType = WORKFLOWS
) -> None:
    """Raises `ConfigError` where workers of another installation poll the task queue.

    Each would get tasks of the other's runs, of which it has no records. `TemporalUnreachableError`.
    """
    others = (await look_at_pollers(client, task_queue, installation, of=of)).others
    if others:
        raise ConfigError(
            f"the task queue {task_queue!r} (namespace {client.namespace!r} of "
            f"{client.service_client.config.target_host}) is served by workers of another installation: "
            f"{'; '.join(others)}. Give this project a Temporal, a temporal.namespace or a temporal.task_queue of its "
            "own; or the same stores (home), if it is the same project"
        )


async def namespace_id(client: Client) -> str:
    """What no other namespace has, of whatever Temporal. Raises `RPCError`."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    found = await client.workflow_service.describe_namespace(request, timeout=RPC_LIMIT)
    return found.namespace_info.id


async def _pollers(client: Client, task_queue: str, of: TaskQueueType.ValueType) -> list[PollerInfo]:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=task_queue),
        task_queue_type=of,
    )
    answer = await client.workflow_service.describe_task_queue(request, timeout=RPC_LIMIT)
    return [poller for poller in answer.pollers if any_recent([poller], time.time())]


def _is_other(poller: PollerInfo, installation: str) -> bool:
    """A worker of an older version does not say whose it is."""
    _, mark, theirs = poller.identity.partition(_MARK)
    return bool(mark) and theirs != installation


def _told(poller: PollerInfo) -> str:
    ago = time.time() - poller.last_access_time.ToMicroseconds() / 1e6
    return f"process {poller.identity.partition(_MARK)[0]}, which asked for work {max(0.0, ago):.0f} s ago"
