"""A reader that leaves a stream before its end, and what it leaves behind: nothing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from support.graphs import count_to

from perdure import RunsFacade, RunSpec, RunStream, Worker
from perdure.bridge import subscription

Spec = Callable[..., RunSpec]


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One for each subscription that the bridge serves."""
    open_now: list[int] = []

    @contextmanager
    def counted() -> Generator[None]:
        open_now.append(1)
        try:
            yield
        finally:
            open_now.pop()

    monkeypatch.setattr(subscription, "subscribed", counted)
    return open_now


async def opened(runs: RunsFacade, spec: Spec, how: str) -> RunStream:
    run = spec("counting", input=count_to(1000, 0.05), thread=how)
    if how == "join_stream":
        return await runs.join_stream((await runs.create_background(run)).run_id)
    if how == "attended":
        run = run.model_copy(update={"on_disconnect": "cancel"})
    _, stream = await runs.create_and_stream(run)
    return stream


@pytest.mark.parametrize("leaving", ["async with", "aclose"])
async def test_who_leaves_a_stream_leaves_nothing(
    leaving: str, runs: RunsFacade, worker: Worker, spec: Spec, readers: list[int]
) -> None:
    for how in ("join_stream", "create_and_stream", "attended"):
        stream = await opened(runs, spec, how)
        if leaving == "aclose":
            async for _ in stream:
                break
            assert readers == [1], "a break alone lets go of nothing while the stream is held"
            await stream.aclose()
            await stream.aclose()
        else:
            async with stream as events:
                async for _ in events:
                    break
        assert readers == [], how
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
