"""Temporal's worker versioning, where the settings ask for it: which version a worker is, and whether runs go to it."""

from __future__ import annotations

import shlex

from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from ..contracts.settings import Settings
from .check import Check
from .connection import RPC_LIMIT


def version_of(settings: Settings) -> WorkerDeploymentVersion | None:
    """Of a worker with these settings; `None`: it has none, as is the default."""
    versioning = settings.worker.versioning
    if versioning.deployment is None or versioning.build_id is None:
        return None
    return WorkerDeploymentVersion(versioning.deployment, versioning.build_id)


def deployment_config(version: WorkerDeploymentVersion) -> WorkerDeploymentConfig:
    """For the worker that has the workflows. Each of these goes on with the current version: its history replays there.

    Pinned, a run that waits for months would need its old workers for as long. It is no mark of the workflows, because
    the server refuses what is marked from workers without versioning.
    """
    behavior = VersioningBehavior.AUTO_UPGRADE
    return WorkerDeploymentConfig(version=version, use_worker_versioning=True, default_versioning_behavior=behavior)


def make_current(client: Client, version: WorkerDeploymentVersion) -> str:
    """The command after which runs go to the workers of this version, those that are under way, too."""
    return shlex.join(
        (
            *("temporal", "worker", "deployment", "set-current-version"),
            *("--deployment-name", version.deployment_name, "--build-id", version.build_id, "--yes"),
            *("--address", client.service_client.config.target_host, "--namespace", client.namespace),
        )
    )


async def check_version(client: Client, version: WorkerDeploymentVersion) -> Check:
    """Runs go to the workers of this version."""
    name, advice = version.deployment_name, f"`{make_current(client, version)}`"
    try:
        current = await _current(client, name)
    except RPCError as exc:
        if exc.status != RPCStatusCode.NOT_FOUND:
            raise
        detail = f"the deployment {name!r} is not known: no worker of it has started yet"
        return _failed(detail, f"start `perdure worker`, then {advice}")
    if current is None:
        return _failed(f"the deployment {name!r} has no current version, so that nobody takes its runs", advice)
    if current != version.build_id:
        detail = f"runs go to {name} {current}; the settings say {version.build_id}"
        return Check(name="versioning", level="warn", detail=detail, advice=advice, service=True)
    return Check(name="versioning", level="ok", detail=f"runs go to {name} {current}", service=True)


async def _current(client: Client, deployment: str) -> str | None:
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
    found = await client.workflow_service.describe_worker_deployment(request, timeout=RPC_LIMIT)
    return found.worker_deployment_info.routing_config.current_deployment_version.build_id or None


def _failed(detail: str, advice: str) -> Check:
    return Check(name="versioning", level="fail", detail=detail, advice=advice, service=True)
