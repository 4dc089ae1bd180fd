"""`perdure worker --queue`: a worker of its own for some graphs."""

from __future__ import annotations

import json

from .conftest import CommandLine

QUEUE = "gpu-of-test-queues"


async def test_a_worker_of_a_queue_from_start_to_sigterm(cli: CommandLine) -> None:
    routed = cli.having(PERDURE_TASK_QUEUES=json.dumps({QUEUE: ["count"]}))
    worker = await routed.start("worker", "--queue", QUEUE, "--json")
    assert worker.stdout is not None
    told = json.loads(await worker.stdout.readline())
    assert (told["event"], told["graphs"], told["task_queue"]) == ("worker", ["count"], QUEUE)
    assert (await routed("run", "count", "--wait")).code == 0, "it waits for the worker"
    found = {check["name"]: check for check in (await routed("doctor", "--json")).document["checks"]}
    assert found["workers"]["level"] == "ok"
    worker.terminate()
    assert await worker.wait() == 0


async def test_an_unknown_queue_is_wrong_usage(cli: CommandLine) -> None:
    ended = await cli("worker", "--queue", "gpu", "--json")
    assert ended.code == 2
    assert "unknown task queue 'gpu'" in ended.failure["message"]
