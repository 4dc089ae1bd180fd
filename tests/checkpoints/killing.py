"""Does something to copies of a file, each time in a process that is killed before another of its statements.

For each line `FILE<tab>ACT<tab>STRIDE` of its input it leaves FILE.0, FILE.1, … and says how many were killed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

from perdure.checkpoints.conformance import graphs
from perdure.checkpoints.conformance.graphs import said
from perdure.checkpoints.conformance.threads import Durability
from perdure.checkpoints.sqlite import checkpoints as checkpoints_module
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints
from perdure.checkpoints.sqlite.saving import SavingConnection, connect

from .threads import Threads


async def a_turn(threads: Threads) -> object:
    return await threads.run("run", said("again"))


async def an_answer(threads: Threads) -> object:
    while await threads.questions():
        await threads.run("run", await threads.answers())
    return None


async def restore(threads: Threads) -> object:
    return await threads.checkpoints.restore("run", "thread", fence=2)


async def settle(threads: Threads) -> object:
    return await threads.checkpoints.settle("run")


async def delete_thread(threads: Threads) -> object:
    return await threads.checkpoints.delete_thread("thread")


ACTS: dict[str, tuple[Callable[[Threads], Awaitable[object]], Durability]] = {
    "turn": (a_turn, "sync"),
    "turn, async": (a_turn, "async"),
    "answer": (an_answer, "sync"),
    "restore": (restore, "sync"),
    "settle": (settle, "sync"),
    "delete": (delete_thread, "sync"),
}


async def killed_before(number: int, path: Path, name: str) -> None:
    act, durability = ACTS[name]
    numbers, started = count(), False

    def before(statement: str) -> None:
        if started and not statement.lstrip().startswith(("SELECT", "PRAGMA")) and next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def traced(path: Path) -> SavingConnection:
        connection = connect(path)
        connection.set_trace_callback(before)
        return connection

    checkpoints_module.connect = traced  # pyright: ignore[reportPrivateImportUsage]
    checkpoints = SqliteCheckpoints(path)
    await checkpoints.start()
    started = True
    await act(Threads(checkpoints, path, graphs.small(), durability))


def kill(file: str, act: str, stride: int) -> int:
    """How many were killed before the first that got to its end."""
    for number in count():
        path = Path(f"{file}.{number}")
        shutil.copy(file, path)
        child = os.fork()  # of a process that has no threads: all that it does is done by its children
        if not child:
            asyncio.run(killed_before(number * stride, path, act))
            os._exit(0)
        if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
            return number
    raise AssertionError


if __name__ == "__main__":
    for line in sys.stdin:
        file, act, stride = line.rstrip("\n").split("\t")
        print(kill(file, act, int(stride)), flush=True)  # noqa: T201
