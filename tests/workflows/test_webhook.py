"""The webhook of a run: called when it has ended, repeated while it fails, and given up in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook as StandardWebhook
from support.graphs import asking, count_to, counting, failing
from support.receivers import Receiver, status
from support.servers import until

import perdure
from perdure import Delivery, InvalidRunError, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.settings import WebhookSettings

Make = Callable[..., RunSpec]
SECRET = "whsec_" + "A" * 32


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """This machine may be called."""
    here = (ip_network("127.0.0.0/8"),)
    return settings.model_copy(
        update={"webhooks": WebhookSettings(secret=SecretStr(SECRET), timeout=2.0, allowed_networks=here)}
    )


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    graphs = {"counting": counting(), "asking": asking("name?"), "failing": failing(ValueError("no luck"))}
    async with Worker(graphs=graphs, settings=settings) as worker:
        yield worker


@pytest.fixture
def calling(spec: Make, receiver: Receiver) -> Make:
    """A run with a webhook."""

    def make(graph: str, **fields: Any) -> RunSpec:
        return spec(graph, webhook=f"http://127.0.0.1:{receiver.port}/hook", **fields)

    return make


async def delivery(runs: RunsFacade, run_id: str) -> Delivery:
    found: list[Delivery] = []

    async def there() -> bool:
        found[:] = await runs.list_deliveries(run_id)
        return bool(found)

    await until(there)
    return found[0]


@pytest.mark.usefixtures("worker")
async def test_it_is_called_once_with_the_end_of_the_run(runs: RunsFacade, calling: Make, receiver: Receiver) -> None:
    record, result = await runs.create_and_wait(calling("counting", input=count_to(2)))
    assert (await delivery(runs, record.run_id)).failure is None
    (request,) = receiver.requests
    ended = await runs.get_run(record.run_id)
    assert ended is not None
    assert request.json == {"record": ended.model_dump(mode="json"), "values": result.values}
    assert StandardWebhook(SECRET).verify(request.body, request.headers) == request.json


@pytest.mark.usefixtures("worker")
async def test_it_does_not_show_the_code_of_a_graph_that_failed(
    runs: RunsFacade, calling: Make, receiver: Receiver
) -> None:
    record, result = await runs.create_and_wait(calling("failing", input={"log": []}))
    await delivery(runs, record.run_id)
    assert result.error is not None
    assert result.error.traceback
    assert receiver.requests[0].json["record"]["error"] == {"type": "ValueError", "message": "no luck"}


@pytest.mark.usefixtures("worker")
async def test_a_run_that_waits_does_not_call_it(runs: RunsFacade, calling: Make, receiver: Receiver) -> None:
    record, _ = await runs.create_and_wait(calling("asking", input={"log": []}))
    await runs.cancel(record.run_id)
    await delivery(runs, record.run_id)
    assert [request.json["record"]["status"] for request in receiver.requests] == ["interrupted"]


@pytest.mark.usefixtures("worker")
async def test_a_call_that_fails_is_repeated(runs: RunsFacade, calling: Make, receiver: Receiver) -> None:
    receiver.answers = [status(500), status(503)]
    record, result = await runs.create_and_wait(calling("counting", input=count_to(1)))
    assert result.status is RunStatus.SUCCESS
    assert (await delivery(runs, record.run_id)).failure is None
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert ids == [ids[0]] * 3


async def test_a_call_that_goes_on_failing_is_given_up(settings: Settings, calling: Make, receiver: Receiver) -> None:
    receiver.answers = [status(500)] * 9
    webhooks = settings.webhooks.model_copy(update={"retry_for": 0.5})
    hurried = settings.model_copy(update={"webhooks": webhooks})
    async with Worker(graphs={"counting": counting()}, settings=hurried), perdure.connect(settings=hurried) as runs:
        record, result = await runs.create_and_wait(calling("counting", input=count_to(1)))
        assert result.status is RunStatus.SUCCESS
        assert (await delivery(runs, record.run_id)).failure == "it answered 500"
    assert len(receiver.requests) == 2


@pytest.mark.usefixtures("worker")
async def test_a_receiver_that_is_silent_does_not_hold_up_the_thread(
    runs: RunsFacade, calling: Make, spec: Make, receiver: Receiver
) -> None:
    receiver.silent = True
    await runs.create_and_wait(calling("counting", input=count_to(1)))
    async with asyncio.timeout(1.5):  # less than the timeout of one call
        _, second = await runs.create_and_wait(spec("counting", input=count_to(1)))
    assert second.status is RunStatus.SUCCESS


@pytest.mark.usefixtures("worker")
async def test_a_place_that_may_not_be_called_is_refused_before_anything_is_written(
    runs: RunsFacade, spec: Make
) -> None:
    with pytest.raises(InvalidRunError, match="is not a public address"):
        await runs.create_background(spec("counting", webhook="http://169.254.169.254/latest/meta-data"))
    assert await runs.list_runs() == []
