"""A run that is cut off anywhere and taken up again: nothing is lost, nothing doubled, no finished step repeated."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import cache
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from support.comparison import Seen
from support.sampling import some

from ..comparing import bare, differences, published
from ..driving import BackEnds, Fuse, Run, gathered, make_run, spread
from ..worlds import ASKING, PLAIN, State, answers, given

ENDLESS = 1000.0
MODES = ("values", "updates", "messages", "custom")
WORLDS = {**PLAIN, **ASKING}

Outcome = tuple[Run, list[str], list[str]]

_effects: ContextVar[list[str]] = ContextVar("effects")
"""Of the run that is at work."""


class _OfEachRun(list[str]):
    """What the nodes of a graph note that is built once for all runs: to build one costs more than a run."""

    def append(self, effect: str, /) -> None:
        _effects.get().append(effect)


@cache
def _world(name: str) -> Any:
    return WORLDS[name](_OfEachRun())


_bare: dict[Any, tuple[Run, list[Seen], Any]] = {}
"""What bare LangGraph does, found once for each world and what is streamed of it."""


async def expected(name: str, run: Run) -> tuple[list[Seen], Any]:
    what = (name, run.spec.stream_modes, run.spec.stream_subgraphs)
    if what not in _bare:
        _effects.set([])
        _bare[what] = run, *await bare(_world(name), run, answers if name in ASKING else None)
    first, events, final = _bare[what]
    return [(event, _as_of(run, first, data)) for event, data in events], final


def _as_of(run: Run, first: Run, data: str) -> str:
    for old, new in ((first.run_id, run.run_id), (first.thread_id, run.thread_id)):
        data = data.replace(f'"{old}"', f'"{new}"')
    return data


async def run_world(
    ends: BackEnds,
    name: str,
    *,
    modes: tuple[str, ...] = MODES,
    budget: float = 0.0,
    subgraphs: bool = True,
    fuse: Fuse | None = None,
    loses: bool = False,
    cancels: Iterable[float | int | None] = (),
) -> Outcome:
    """The run, what it has published wrongly, and its side effects."""
    answer, effects = answers if name in ASKING else None, list[str]()
    _effects.set(effects)
    run = await make_run(
        ends, _world(name), given=given(name), budget=budget, answer=answer, fuse=fuse, loses=loses,
        cancels=cancels, stream_modes=modes, stream_subgraphs=subgraphs,
    )  # fmt: skip
    events = await run.to_end()
    streamed, final = await expected(name, run)
    wrong = differences(published(events), streamed, cut=run.cuts > 0)
    if (got := await run.final()) != final:
        wrong.append(f"the thread ends as {got}, not as {final}")
    return run, wrong, effects


async def cut_at_writes(run: Callable[[Fuse], Awaitable[Outcome]]) -> dict[int, list[str]]:
    """What is wrong with the run when it is cut off before its n-th durable write, for `MOST_CUTS` spread n."""
    uncut = Fuse()
    _, wrong, steps = await run(uncut)
    assert wrong == []
    numbers = spread(uncut.count)
    found = await gathered(run(Fuse(number)) for number in numbers)
    assert sum(run.cuts for run, _, _ in found) >= len(numbers) // 2, "events go in batches, but hardly in so few"
    again = {number: repeated(effects, steps) for number, (_, _, effects) in zip(numbers, found, strict=True)}
    return {
        number: wrong + [f"repeated: {again[number]}"] * bool(again[number])
        for number, (_, wrong, _) in zip(numbers, found, strict=True)
        if wrong or again[number]
    }


IN_ORDER = {"a", "b", "c", "d", "m0", "i1", "i2", "i3", "z", "one", "two", "three", *(f"work{i}" for i in range(6))}
"""Side effects of nodes that have a superstep to themselves."""


def repeated(effects: list[str], steps: list[str]) -> list[str]:
    """Side effects of a finished superstep: those that came after the side effects of a later one."""
    newest, found = 0, list[str]()
    for effect in (effect for effect in effects if effect in IN_ORDER):
        if steps.index(effect) < newest:
            found.append(effect)
        newest = max(newest, steps.index(effect))
    return found


@pytest.mark.parametrize(
    ("name", "modes"),
    [
        ("line", MODES),
        ("loop", MODES),
        ("fan_out", MODES),
        ("silent", MODES),
        ("same", MODES),
        ("talk", MODES),
        ("nested", MODES),
        ("beside", MODES),
        ("functional", ("values", "custom")),
        ("commands", MODES),
        ("handled", MODES),
        ("ask_twice", ("values", "updates")),  # its custom events: see test_publisher
        pytest.param("line", ("tasks",)),
        pytest.param("line", ("debug",)),
        pytest.param("line", ("checkpoints",)),
        ("functional", ("updates", "tasks")),
        ("talk_inside", ("messages",)),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
async def test_a_cut_before_any_durable_write(ends: BackEnds, name: str, modes: tuple[str, ...]) -> None:
    async def run(fuse: Fuse) -> Outcome:
        return await run_world(ends, name, modes=modes, fuse=fuse)

    assert await cut_at_writes(run) == {}


async def test_a_hit_of_langgraphs_cache_is_published_once(ends: BackEnds) -> None:
    graph = PLAIN["cached"]([])

    async def run(*cuts: int) -> Run:
        fuse = Fuse(*cuts)
        run = await make_run(ends, graph, given={"log": []}, budget=0, fuse=fuse, stream_modes=("updates",))
        await run.to_end()
        return run

    await run()  # fills the cache, as a node that is cut off may do, too
    uncut = await run()
    expected = published(await uncut.events())
    assert sum("cached" in data for _, data in expected) == 3
    found = [await run(number) for number in spread(uncut.fuse.count)]
    assert [differences(published(await one.events()), expected, cut=True) for one in found] == [[]] * len(found)


async def test_a_failure_that_was_handed_on_is_reported_once(ends: BackEnds) -> None:
    """After a cut its error may be a text, since a checkpoint keeps no more of it."""

    graph = PLAIN["handled"]([])

    async def told(fuse: Fuse) -> list[tuple[str, str]]:
        run = await make_run(ends, graph, given={"log": []}, budget=0, fuse=fuse, stream_modes=("tasks",))
        tasks = [event.data for event in await run.to_end() if event.event == "tasks"]
        return [(task["name"], "began" if "result" not in task else "no" if task["error"] else "yes") for task in tasks]

    uncut = Fuse()
    expected = await told(uncut)
    assert expected == [("fail", "began"), ("fail", "no"), ("__error_handler__fail", "yes")]
    assert {number: await told(Fuse(number)) for number in spread(uncut.count)} == dict.fromkeys(
        spread(uncut.count), expected
    )


async def test_a_cut_of_a_slice_of_many_supersteps(ends: BackEnds) -> None:
    async def run(fuse: Fuse) -> Outcome:
        return await run_world(ends, "nested", budget=ENDLESS, subgraphs=False, fuse=fuse)

    assert await cut_at_writes(run) == {}


@pytest.mark.parametrize("budget", [0.0, ENDLESS])
@pytest.mark.parametrize("name", sorted(WORLDS.keys() - {"cached"}))
async def test_a_result_that_does_not_reach_temporal(ends: BackEnds, name: str, budget: float) -> None:
    run, wrong, _ = await run_world(ends, name, budget=budget, subgraphs=budget == 0, loses=True)
    assert wrong == []
    assert run.cuts > 0


@pytest.mark.parametrize("subgraphs", [False, True])
async def test_who_asks_at_the_same_time_is_told_once_whoever_is_first(ends: BackEnds, subgraphs: bool) -> None:
    tries: Counter[str] = Counter()

    def asker(name: str) -> Any:
        async def node(state: State) -> State:
            tries[name] += 1
            await asyncio.sleep(0.02 if (tries[name] == 1) == (name == "b") else 0.0)
            return {"log": [interrupt(name)]}

        return node

    inner = StateGraph(State).add_node("a", asker("a")).add_node("b", asker("b"))
    inner = inner.add_edge(START, "a").add_edge(START, "b").compile()
    graph = StateGraph(State).add_node("inner", inner).add_edge(START, "inner").compile()
    modes = ("values", "updates", "tasks", "debug")
    run = await make_run(
        ends, graph, given={"log": []}, loses=True, answer=answers, stream_modes=modes, stream_subgraphs=subgraphs
    )
    told = Counter(event.event.partition("|")[0] for event in await run.to_end() if _asks(event.data))
    assert run.cuts == 2
    assert tries == {"a": 3, "b": 3}
    # The root tells of both together, the graph within of each by itself.
    assert told == dict.fromkeys(modes, 3 if subgraphs else 1)


def _asks(data: Any) -> bool:
    return bool(data.get("__interrupt__") or data.get("interrupts") or data.get("payload", {}).get("interrupts"))


async def test_two_cuts_in_a_row(ends: BackEnds) -> None:
    found = await gathered(
        run_world(ends, "beside", fuse=Fuse(first, first + later))
        for first in some(range(2, 30, 5))
        for later in (1, 2, 4)
    )
    assert [wrong for _, wrong, _ in found if wrong] == []
    assert {run.cuts for run, _, _ in found} == {2}


def _moments(seed: int) -> Iterator[float | int]:
    """When to cancel: after some turns of the event loop, or milliseconds."""
    moments = random.Random(seed)
    for _ in range(moments.randint(1, 4)):
        yield moments.choice((moments.randint(0, 30), moments.randint(0, 200), moments.uniform(0, 0.25)))


@pytest.mark.parametrize("name", ["fan_out", "talk", "nested", "beside", "ask_twice"])
async def test_cancellation_at_random_moments(ends: BackEnds, name: str) -> None:
    budgets = (0.0, 0.05, ENDLESS)
    found = await gathered(
        run_world(ends, name, budget=budgets[seed % 3], subgraphs=seed % 2 == 0, cancels=_moments(seed))
        for seed in some(range(12))
    )
    assert [(seed, wrong) for seed, (_, wrong, _) in enumerate(found) if wrong] == []
    assert sum(run.cuts for run, _, _ in found) > len(found) / 4, "hardly anything was cut"


async def test_each_attempt_is_announced_before_what_it_repeats(ends: BackEnds) -> None:
    run, _, _ = await run_world(ends, "talk", fuse=Fuse(12))
    announced = [event.data["attempt"] for event in await run.events() if event.event == "metadata"]
    assert announced == [1, 2]


async def test_the_last_attempt_at_a_node_has_all_that_it_said(ends: BackEnds) -> None:
    found = await gathered(run_world(ends, "line", modes=("custom",), fuse=Fuse(number)) for number in some(range(16)))
    for run, _, _ in found:
        said: dict[str, list[int]] = {}
        for event in await run.events():
            if event.event == "custom":
                parts = said.setdefault(event.data["node"], [])
                parts[:] = [*parts, event.data["part"]] if event.data["part"] > 1 else [1]
        assert said == {name: [1, 2] for name in ("a", "b", "c", "d")}
