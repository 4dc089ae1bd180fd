"""Events that are handed over to Temporal: not before their time, and never lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from support.servers import until
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker import Worker as TemporalWorker

from perdure import Settings
from perdure.activities import NotifyWorkflows
from perdure.contracts.wire import ACTIVITY_DELIVER_EVENTS, notify_workflow_id
from perdure.contracts.wire_notify import NotifyInput
from perdure.runtime.connection import connect_temporal
from perdure.workflows import NotifyWorkflow

DELAY = 1.5


@pytest.fixture
async def client(settings: Settings) -> Client:
    return await connect_temporal(settings)


@pytest.fixture
async def deliveries(settings: Settings, client: Client) -> AsyncIterator[list[float]]:
    """When each delivery began, on the clock of the event loop."""
    deliveries: list[float] = []

    @activity.defn(name=ACTIVITY_DELIVER_EVENTS)
    async def deliver(notify: NotifyInput) -> None:
        deliveries.append(time.monotonic())

    async with TemporalWorker(
        client,
        task_queue=settings.temporal.task_queue,
        workflows=[NotifyWorkflow],
        activities=[deliver],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield deliveries


async def test_a_second_hand_over_does_not_end_the_delay_of_the_first(
    settings: Settings, client: Client, deliveries: list[float]
) -> None:
    hand_over, run_id = NotifyWorkflows(client, settings.temporal.task_queue), settings.temporal.task_queue
    began = time.monotonic()
    await hand_over(run_id, (), after=DELAY)
    await hand_over(run_id, (), after=DELAY)
    await hand_over(run_id, (), after=0)
    await client.get_workflow_handle(notify_workflow_id(run_id)).result()
    assert deliveries[0] - began >= DELAY - 0.1  # the server's clock


async def test_each_hand_over_is_followed_by_a_delivery_though_the_workflow_is_about_to_end(
    settings: Settings, client: Client, deliveries: list[float]
) -> None:
    hand_over, run_id = NotifyWorkflows(client, settings.temporal.task_queue), settings.temporal.task_queue
    for number in range(40):
        asked = time.monotonic()
        await hand_over(run_id, (), after=0)
        await until(lambda asked=asked: bool(deliveries) and deliveries[-1] >= asked)
        await asyncio.sleep(number % 8 * 0.002)  # somewhere around the end of the workflow
