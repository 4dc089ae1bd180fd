"""What a store promises to who looks at runs: turns, outlines, questions, lines; and lists by threads and times."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ...contracts.filters import Condition, Filter
from ...contracts.stories import Arrival, Spent
from ...contracts.types import RunError, RunSpec, RunStatus
from ..contract import Store
from ..note_contract import Setback
from ..run_filter import RunFilter
from .making import Draft, Make
from .run_events import event, model_call, write

_PATH = "outer:1|2|inner:3"


class StoryPromises:
    """Stories of runs in the store."""

    async def test_an_attempt_tells_of_its_worker_and_of_what_it_comes_after(self, store: Store, draft: Draft) -> None:
        await draft()
        failure = RunError(type="WorkerLostError", message="gone", traceback="secret")
        await store.mark_running("run", fence=1, attempt=1, worker="one")
        await store.mark_running("run", fence=2, attempt=2, worker="two", setback=Setback(failure, lost=True))
        turns = await store.stories.turns("run")
        assert [turn.payload for turn in turns if turn.event_type == "run_attempt_started"] == [
            {"attempt": 1, "worker": "one"},
            {"attempt": 2, "worker": "two", "after": {"type": "WorkerLostError", "message": "gone"}},
        ]
        assert [turn.sequence for turn in turns] == [*range(1, len(turns) + 1)]
        assert await store.stories.turns("absent") == []

    async def test_an_outline_is_in_the_order_of_writing(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_running("run", fence=1, attempt=1)
        said = [event(1), *model_call(2, "call", "model", "lead_agent", total_tokens=7)]
        await write(store, *said, event(4, "begun", task=_PATH, event_type="tool_start", category="trace"))
        first = await store.stories.outline("run")
        assert [one.event_type for one in first] == ["llm_request", "llm_response", "tool_start"]
        assert (first[1].metadata["usage"], first[2].path) == ({"total_tokens": 7}, ("outer", "inner"))
        assert [one.position for one in await store.stories.outline("run", after=first[0].position, limit=1)] == [
            first[1].position
        ]
        # What was cut is not there any more, and what comes in its place is new to who has read further already.
        await store.mark_running("run", fence=2, attempt=2)
        again = event(1, "again", task=_PATH, event_type="tool_start", category="trace")
        await write(store, again, fence=2, attempt=2)
        (new,) = await store.stories.outline("run", after=first[-1].position)
        assert (new.seq, new.attempt) == (first[-1].seq, 2)

    async def test_an_outlook_is_of_those_that_are_asked_for(self, store: Store, draft: Draft) -> None:
        for number in range(3):
            await draft(f"r{number}")
            await store.mark_submitted(f"r{number}", sequence=number + 1)
        await draft("cut off")
        await draft("run", "other")
        await store.mark_running("run", fence=1, attempt=1)
        await write(store, *model_call(1, "call", "model", "lead_agent"))
        found = await store.stories.outlook(asking=["r0"], waiting=["thread"], working=["run"])
        assert (found.questions, found.followed) == ({"r0": ()}, ("r0",))
        assert (await store.stories.outlook(asking=["r2"], waiting=(), working=())).followed == ()
        assert found.lines == {"thread": ("r0", "r1", "r2")}
        assert [one.event_type for one in found.calls["run"]] == ["llm_response", "llm_request"]

    async def test_what_a_run_has_spent_is_counted_from_a_place_on(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_running("run", fence=1, attempt=1)
        await write(store, *model_call(1, "first", "model", "lead_agent", total_tokens=7))
        first = (await store.stories.spent({"run": 0}))["run"]
        assert first.tokens == 7
        assert await store.stories.spent({"run": first.position, "absent": 3}) == {
            "run": Spent(position=first.position),
            "absent": Spent(position=3),
        }
        more = [
            *model_call(3, "second", "model", "lead_agent", total_tokens=5),
            *model_call(5, "x", "model", "lead_agent"),
        ]
        await write(store, *more)
        assert (await store.stories.spent({"run": first.position}))["run"].tokens == 5
        assert (await store.stories.spent({"run": 0}))["run"].tokens == 12

    async def test_what_the_runs_of_a_thread_have_spent_together(
        self, store: Store, make_record: Make, spec: RunSpec
    ) -> None:
        used = {"r0": ("a", {"total_tokens": 7}), "r1": ("a", {"total_tokens": 5}), "r2": ("b", {"llm_calls": 1})}
        for run_id, (thread_id, usage) in {**used, "r3": ("a", None), "r4": ("c", {"total_tokens": 1})}.items():
            await store.create(make_record(run_id, thread_id, usage=usage), spec)
        assert await store.stories.spent_in(["a", "b", "none"]) == {"a": 12}
        assert await store.stories.spent_in([]) == {}

    async def test_the_runs_that_came_last(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        for number, user in enumerate(("ann", "bob", "ann", "ann")):
            await store.create(make_record(f"r{number}", user, user_id=user), spec)
        for number in (0, 1, 3):
            await store.mark_submitted(f"r{number}", sequence=number or None)
        r0, r1, r3 = (
            Arrival(run_id="r0", thread_id="ann"),
            Arrival(run_id="r1", thread_id="bob", sequence=1),
            Arrival(run_id="r3", thread_id="ann", sequence=3),
        )
        assert await store.stories.arrivals(2) == [r3, r1]
        assert await store.stories.arrivals(5) == [r3, r1, r0]
        assert await store.stories.arrivals(5, user_id="ann") == [r3, r0]

    async def test_lists_by_time(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        first = make_record("r0")
        later = first.created_at + timedelta(seconds=1)
        for record in (first, make_record("r1", created_at=later)):
            await store.create(record, spec)
        until = await store.list(which=RunFilter(until=later))
        since = await store.list(which=RunFilter(since=later, statuses=(RunStatus.PENDING,)))
        assert [[one.record.run_id for one in found] for found in (until, since)] == [["r0"], ["r1"]]

    @pytest.mark.parametrize(("owner", "found"), [("ann", ["ann"]), ("nobody", [])])
    async def test_lists_by_what_threads_are(
        self, store: Store, make_record: Make, spec: RunSpec, owner: str, found: list[str]
    ) -> None:
        for name in ("ann", "bob"):
            await store.create(make_record(name, name, metadata={"owner": name}), spec)
            await store.mark_submitted(name, sequence=1)
        wanted = RunFilter(matching=Filter(all=(Condition(key="owner", op="eq", values=(owner,)),)))
        assert [one.record.run_id for one in await store.list(which=wanted)] == found
