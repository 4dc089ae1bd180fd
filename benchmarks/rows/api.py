"""LangGraph's API over HTTP: ours, and LangGraph's own development server, by the same calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from ..api import Api, Call, gateway
from ..bench import Bench
from ..figures import DEV, OURS, Figure, Goal, Row, milliseconds, ratio
from ..ours import RECURSION_LIMIT
from ..peers.dev import Dev
from ..processes import Meter
from . import protocol

_AT_ONCE = 8
"""Connections that ask at the same time."""
_RUNS = 10
"""As many as the development server executes at once."""
_RATE = 50
"""Tokens a second, of each run."""
_USED = 60
"""One thread of so many has run."""
_TEAMS = 50


async def measure(bench: Bench) -> list[Row]:
    """The worker of ours is a process of its own, theirs is in the server: so the CPU of all of ours is noted, too."""
    theirs = [Api(DEV, peer.url, peer.pids["server"]) for peer in bench.peers if isinstance(peer, Dev)]
    async with gateway(bench.ours, bench.home) as own:
        apis = [own, *theirs]
        rows = [await _first_events(bench, apis)]
        threads = {api.name: await _filled(api, bench.sizes.api_threads) for api in apis}
        for name, what in _READS.items():
            rows.append(await _reads(bench, apis, threads, name, what))
        return [*rows, await _streamed(bench, apis), await protocol.measured(bench, apis)]


async def _first_events(bench: Bench, apis: Sequence[Api]) -> Row:
    sizes, figures = bench.sizes, dict[str, Figure]()
    for api in apis:
        rounds = sizes.peer_latencies if api.name == DEV else sizes.latencies // 2
        await _first_event(api)
        figures[api.name] = milliseconds([await _first_event(api) for _ in range(rounds)])
    goal = Goal("≤ 1/5 of the LangGraph dev server", ratio(figures[OURS], figures.get(DEV)), 0.2)
    return Row("api_first_event", "first event over HTTP, new thread", "ms", figures, (goal,))


async def _first_event(api: Api) -> float:
    began = time.perf_counter()
    thread = (await api.call("POST", "/threads", {}))["thread_id"]
    first = 0.0
    async for name in api.events("POST", f"/threads/{thread}/runs/stream", _count("values")):
        if name == b"error":
            raise RuntimeError(f"a run at {api.name} failed")
        first = first or time.perf_counter() - began
    return first


def _count(mode: str) -> dict[str, object]:
    given = {"total": 0, "steps": 1, "delay": 0.0}
    return {
        "assistant_id": "count",
        "input": given,
        "stream_mode": mode,
        "config": {"recursion_limit": RECURSION_LIMIT},
    }


async def _filled(api: Api, number: int) -> list[str]:
    """Threads, some of which have run."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(place: int) -> str:
        async with free:
            body = {"metadata": {"team": f"t{place % _TEAMS}"}}
            thread = (await api.call("POST", "/threads", body))["thread_id"]
            if place % _USED == 0:
                await api.call("POST", f"/threads/{thread}/runs/wait", _count("values"))
            return thread

    return await asyncio.gather(*(one(place) for place in range(number)))


_READS = {"thread": "get a thread", "state": "get its state", "runs": "list its runs", "search": "search by metadata"}


def _calls(name: str, threads: Sequence[str]) -> list[Call]:
    used = threads[::_USED]
    if name == "search":
        return [("POST", "/threads/search", {"metadata": {"team": f"t{team}"}, "limit": 10}) for team in range(_TEAMS)]
    rest = {"thread": "", "state": "/state", "runs": "/runs"}[name]
    return [("GET", f"/threads/{thread}{rest}", None) for thread in used]


async def _reads(bench: Bench, apis: Sequence[Api], threads: Mapping[str, Sequence[str]], name: str, what: str) -> Row:
    figures, notes = dict[str, Figure](), dict[str, float]()
    for api in apis:
        calls = _calls(name, threads[api.name])
        rate, cpu = await api.rate(calls, bench.sizes.api_seconds, _AT_ONCE)
        figures[api.name] = Figure.of([rate])
        notes[f"CPU of {api.name} for each, ms"] = round(cpu, 2)
    goal = Goal("≥ 3 × the LangGraph dev server", ratio(figures[OURS], figures.get(DEV)), 3, at_least=True)
    title = f"{what} over HTTP, of {bench.sizes.api_threads:,} threads"
    return Row(f"api_{name}", title, "1/s", figures, (goal,), better="more", notes=notes)


async def _streamed(bench: Bench, apis: Sequence[Api]) -> Row:
    figures, notes, delivered = dict[str, Figure](), dict[str, float](), dict[str, float]()
    readers, length = bench.sizes.api_readers, bench.sizes.api_tokens
    for api in apis:
        beside = (
            {"worker": bench.ours.workers[0].pid, "Temporal": bench.ours.pids["server"]} if api.name == OURS else {}
        )
        with (meter := Meter({"server": api.pid, **beside})):
            tokens = sum(await asyncio.gather(*(_run(api, readers, length) for _ in range(_RUNS))))
        figures[api.name] = Figure.of([1000 * meter.used["server"] / tokens])
        delivered[api.name] = tokens / (_RUNS * readers * (length + 1))  # an empty one ends a run
        notes[f"tokens delivered by {api.name}, share"] = round(delivered[api.name], 3)
        for name in beside:
            notes[f"CPU of the {name} for each, ms"] = round(1000 * meter.used[name] / tokens, 3)
    goals = (
        Goal("≤ 0.5 × the LangGraph dev server", ratio(figures[OURS], figures.get(DEV)), 0.5),
        Goal("all delivered", delivered[OURS], 1.0, at_least=True),
    )
    what = f"CPU of the server for a streamed token, {_RUNS * readers} streams × {_RATE} tokens/s"
    return Row("api_tokens", what, "ms", figures, goals, notes=notes)


async def _run(api: Api, readers: int, length: int) -> int:
    """The tokens that all readers of a run get."""
    thread = (await api.call("POST", "/threads", {}))["thread_id"]
    given = {"tokens": length, "interval": 1 / _RATE, "length": 0}
    body = {"assistant_id": "tokens", "input": given, "stream_mode": "messages-tuple", "stream_resumable": True}
    run = (await api.call("POST", f"/threads/{thread}/runs", body))["run_id"]
    return sum(await asyncio.gather(*(_tokens(api, f"/threads/{thread}/runs/{run}/stream") for _ in range(readers))))


async def _tokens(api: Api, path: str) -> int:
    return sum([name == b"messages" async for name in api.events("GET", path)])
