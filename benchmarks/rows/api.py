"""LangGraph's API over HTTP: ours, and LangGraph's own development server, by the same calls."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence

from ..api import Api, Call, gateway
from ..bench import Bench
from ..figures import DEV, OURS, Figure, Goal, Row, milliseconds, ratio
from ..filling import TEAMS, by_calls, into, team
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
_MOST_USED = 100
_ROUNDS = 3


async def measure(bench: Bench) -> list[Row]:
    """The worker of ours is a process of its own, theirs is in the server: so the CPU of all of ours is noted, too."""
    theirs = [Api(DEV, peer.url, peer.pids["server"]) for peer in bench.peers if isinstance(peer, Dev)]
    async with gateway(bench.ours, bench.home) as own:
        apis = [own, *theirs]
        rows = [await _first_events(bench, apis)]
        threads = {api.name: await _filled(bench, api) for api in apis}
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


async def _filled(bench: Bench, api: Api) -> list[str]:
    """Threads, some of which have run: those. (To make very many takes the other server minutes.)"""
    number, used = bench.sizes.api_threads, min(bench.sizes.api_threads // _USED + 1, _MOST_USED)
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(place: int) -> str:
        async with free:
            thread = (await api.call("POST", "/threads", {"metadata": team(place)}))["thread_id"]
            await api.call("POST", f"/threads/{thread}/runs/wait", _count("values"))
            return thread

    found = await asyncio.gather(*map(one, range(used)))
    if api.name == OURS:
        await asyncio.to_thread(into, bench.ours.settings.store_url, number - used)
    else:
        await by_calls(api, number - used)
    return found


_READS = {"thread": "get a thread", "state": "get its state", "runs": "list its runs", "search": "search by metadata"}


def _calls(name: str, used: Sequence[str]) -> list[Call]:
    if name == "search":
        return [("POST", "/threads/search", {"metadata": team(place), "limit": 10}) for place in range(TEAMS)]
    rest = {"thread": "", "state": "/state", "runs": "/runs"}[name]
    return [("GET", f"/threads/{thread}{rest}", None) for thread in used]


async def _reads(bench: Bench, apis: Sequence[Api], threads: Mapping[str, Sequence[str]], name: str, what: str) -> Row:
    """In turn, so that what else the machine does is in all of it."""
    rates, cpu, alone = ({api.name: list[float]() for api in apis} for _ in range(3))
    for _ in range(_ROUNDS):
        for api in apis:
            calls, seconds = _calls(name, threads[api.name]), bench.sizes.api_seconds / _ROUNDS
            rate, used = await api.rate(calls, seconds, _AT_ONCE)
            rates[api.name].append(rate)
            cpu[api.name].append(used)
            alone[api.name] += await api.times(calls, seconds)
    figures = {api.name: Figure.of(rates[api.name]) for api in apis}
    notes = {f"CPU of {api.name} for each, ms": round(statistics.median(cpu[api.name]), 2) for api in apis}
    latencies = {api.name: milliseconds(alone[api.name]) for api in apis}
    notes |= {f"p99 of {name} alone, ms": round(figure.p99, 2) for name, figure in latencies.items()}
    goals = (
        Goal("≥ 3 × the LangGraph dev server", ratio(figures[OURS], figures.get(DEV)), 3, at_least=True),
        Goal("p99 ≤ 20 ms alone", latencies[OURS].p99, 20),
    )
    title = f"{what} over HTTP, of {bench.sizes.api_threads:,} threads"
    return Row(f"api_{name}", title, "1/s", figures, goals, better="more", notes=notes)


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
