"""What a store promises its readers: results, pages, specs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from ...contracts.errors import RunNotFoundError
from ...contracts.serialization.allowed_types import ALLOWED
from ...contracts.types import (
    RunCommand,
    RunError,
    RunInterrupt,
    RunScope,
    RunSpec,
    RunStatus,
    WaitResult,
)
from ..contract import RunEnding, Store, StoredRun
from .making import Draft, Make


@dataclass
class Preferences:
    tags: set[str]
    when: datetime


def ids(page: list[StoredRun]) -> list[str]:
    return [stored.record.run_id for stored in page]


class QueryPromises:
    """What readers get: results, pages, specs."""

    async def test_an_absent_run_is_none(self, store: Store) -> None:
        assert await store.get("absent") is None

    async def test_spec_and_result_of_an_absent_run_are_not_found(self, store: Store) -> None:
        with pytest.raises(RunNotFoundError, match="absent"):
            await store.get_spec("absent")
        with pytest.raises(RunNotFoundError, match="absent"):
            await store.get_result("absent")

    async def test_the_result_of_a_new_run_is_its_status(self, store: Store, draft: Draft) -> None:
        await draft()
        assert await store.get_result("run") == WaitResult(run_id="run", thread_id="thread", status=RunStatus.PENDING)

    async def test_the_result_at_a_question_holds_question_and_values(self, store: Store, draft: Draft) -> None:
        await draft()
        question = RunInterrupt(id="q", value={"choices": ["a", None]}, namespace=("outer", "inner"))
        await store.mark_awaiting("run", fence=1, steps=1, interrupts=[question], values=b'{"so":"far"}')
        assert await store.get_result("run") == WaitResult(
            run_id="run",
            thread_id="thread",
            status=RunStatus.AWAITING_INPUT,
            values={"so": "far"},
            interrupts=(question,),
        )

    async def test_the_values_of_an_answered_question_are_no_result(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_awaiting("run", fence=1, steps=1, interrupts=[], values=b"1")
        await store.mark_running("run", fence=1, attempt=1)
        assert (await store.get_result("run")).values is None

    async def test_the_result_at_the_end_is_parsed(self, store: Store, draft: Draft) -> None:
        await draft()
        error = RunError(type="ValueError", message="no")
        question = RunInterrupt(id="q", value=1)
        ending = RunEnding(RunStatus.INTERRUPTED, 3, b'{"messages":[{"type":"ai"}]}', error, interrupts=[question])
        await store.finish("run", ending, fence=1)
        assert await store.get_result("run") == WaitResult(
            run_id="run",
            thread_id="thread",
            status=RunStatus.INTERRUPTED,
            values={"messages": [{"type": "ai"}]},
            error=error,
            interrupts=(question,),
        )

    async def test_an_ending_without_values_has_none_from_before(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_awaiting("run", fence=1, steps=1, interrupts=[], values=b"1")
        await store.finish("run", RunEnding(RunStatus.ROLLED_BACK, 1, values=None), fence=1)
        assert (await store.get_result("run")).values is None

    async def test_a_value_of_null_is_kept(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.finish("run", RunEnding(RunStatus.SUCCESS, 1, b"null"), fence=1)
        assert (await store.get_result("run")).values is None

    async def test_lists_are_newest_first(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        same_time = datetime(2026, 1, 1, tzinfo=UTC)
        for run_id in ("c", "a", "b"):
            await store.create(make_record(run_id, created_at=same_time), spec)
        await store.mark_running("c", fence=1, attempt=1)
        assert ids(await store.list("thread")) == ["b", "a", "c"]

    async def test_a_list_holds_the_runs_as_get_does(self, store: Store, draft: Draft) -> None:
        await draft("1")
        await draft("2")
        await store.mark_submitted("2", sequence=1)
        assert await store.list() == [await store.get("2"), await store.get("1")]

    async def test_a_list_is_of_one_thread_or_of_all(self, store: Store, draft: Draft) -> None:
        await draft("1", "a")
        await draft("2", "b")
        await draft("3", "a")
        assert ids(await store.list("a")) == ["3", "1"]
        assert ids(await store.list()) == ["3", "2", "1"]
        assert ids(await store.list("nobody")) == []

    async def test_a_limit_is_kept(self, store: Store, draft: Draft) -> None:
        for n in range(3):
            await draft(str(n))
        assert ids(await store.list(limit=2)) == ["2", "1"]
        assert ids(await store.list(limit=0)) == []
        with pytest.raises(ValueError, match="limit"):
            await store.list(limit=-1)

    @pytest.mark.parametrize("thread_id", ["a", None])
    async def test_pages_stay_whole_while_runs_come_in(self, store: Store, draft: Draft, thread_id: str | None) -> None:
        for n in range(10):
            await draft(f"a{n}", "a")
        seen: list[str] = []
        before = None
        while page := await store.list(thread_id, limit=3, before=before):
            seen += ids(page)
            before = seen[-1]
            await draft(f"new{len(seen)}", "a")
            await store.mark_running(before, fence=1, attempt=1)
        assert seen == [f"a{n}" for n in reversed(range(10))]

    async def test_the_page_after_the_oldest_run_is_empty(self, store: Store, draft: Draft) -> None:
        await draft("1")
        assert await store.list(before="1") == []

    async def test_a_page_after_a_run_of_another_listing_is_not_found(self, store: Store, draft: Draft) -> None:
        await draft("1", "a")
        await draft("2", "b")
        for before in ("absent", "2"):
            with pytest.raises(RunNotFoundError, match=before):
                await store.list("a", before=before)

    async def test_a_page_goes_on_when_newer_runs_are_deleted(self, store: Store, draft: Draft) -> None:
        for n in range(4):
            await draft(str(n))
        await store.delete("3")
        await draft("4")
        assert ids(await store.list(before="2")) == ["1", "0"]

    async def test_python_values_survive_in_a_spec(self, store: Store, make_record: Make) -> None:
        ALLOWED.add([(__name__, "Preferences")])
        preferences = Preferences({"a", "b"}, datetime(2026, 1, 1, tzinfo=UTC))
        spec = RunSpec(
            run_id="run",
            assistant_id="agent",
            scope=RunScope(thread_id="thread"),
            input={"messages": [HumanMessage("hi", id="1"), AIMessage("ho", id="2")], "set": {1, 2}},
            runnable_config={"configurable": {"level": 3}, "tags": ["t"]},
            context=preferences,
            metadata={"k": [1]},
            stream_modes=("values", "messages"),
            interrupt_before=("node",),
            after_seconds=1.5,
        )
        await store.create(make_record(), spec)
        loaded = await store.get_spec("run")
        assert loaded == spec
        assert isinstance(loaded.input["messages"][0], HumanMessage)
        assert isinstance(loaded.input["set"], set)

    async def test_a_command_survives_in_a_spec(self, store: Store, make_record: Make) -> None:
        command = RunCommand(resume={"q": {1}}, update={"a": HumanMessage("hi")}, goto=("x", "y"))
        spec = RunSpec(assistant_id="agent", scope=RunScope(kind="stateless"), command=command)
        await store.create(make_record(), spec)
        assert await store.get_spec("run") == spec

    async def test_twenty_megabytes_come_back(self, store: Store, make_record: Make, spec: RunSpec) -> None:
        text = "ä" * 10_000_000
        await store.create(make_record(), spec.model_copy(update={"input": {"text": text}}))
        values = b'{"text":"' + text.encode() + b'"}'
        await store.finish("run", RunEnding(RunStatus.SUCCESS, 1, values), fence=1)
        assert (await store.get_spec("run")).input == {"text": text}
        assert (await store.get_result("run")).values == {"text": text}
