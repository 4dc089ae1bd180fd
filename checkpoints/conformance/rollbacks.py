"""What checkpoints promise of a rollback: a thread after it is the thread before the run, whatever the run was."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.types import Command

from ..contract import Checkpoints
from . import graphs
from .graphs import GREETING, said
from .threads import Build, Threads

Act = Callable[[Threads], Awaitable[object]]


@dataclass(frozen=True)
class Case:
    """How the thread came about, and the run that is taken back."""

    build: Build
    before: tuple[Act, ...]
    run: Act


async def greeted(threads: Threads) -> object:
    return await threads.run("greeting", GREETING)


async def a_greeting(threads: Threads) -> object:
    return await threads.run("run", GREETING)


async def a_failure(threads: Threads) -> object:
    return await threads.run("run", said("fail"))


async def half_answered(threads: Threads) -> object:
    return await threads.run("half", await threads.answers("one?", "nested 1?"))


async def asked_again(threads: Threads) -> object:
    return await threads.run("again", said("again"))


async def all_answered(threads: Threads) -> object:
    return await threads.answered()


async def a_turn(threads: Threads) -> object:
    return await threads.run("run", {**said("again"), "messages": []})


async def an_answer(threads: Threads) -> object:
    return await threads.run("run", await threads.answers("one?"))


async def every_answer(threads: Threads) -> object:
    while await threads.questions():
        await threads.run("run", await threads.answers())
    return None


async def an_answer_and_more(threads: Threads) -> object:
    command = await threads.answers("one?", "another?")
    return await threads.run("run", Command(resume=command.resume, update=said("updated")))


async def an_update(threads: Threads) -> object:
    return await threads.run("run", Command(update=said("updated"), goto="start"))


async def going_on(threads: Threads) -> object:
    return await threads.run("run", None)


async def a_pause(threads: Threads) -> object:
    return await threads.run("run", said("again"), interrupt_before=["end"], interrupt_after=["start"])


async def an_older_checkpoint(threads: Threads) -> str:
    history = await threads.history()
    return history[len(history) // 2]


async def a_fork(threads: Threads) -> object:
    return await threads.run("run", None, checkpoint_id=await an_older_checkpoint(threads))


async def a_turn_from_an_older_checkpoint(threads: Threads) -> object:
    return await threads.run("run", said("other"), checkpoint_id=await an_older_checkpoint(threads))


async def an_answer_to_an_older_question(threads: Threads) -> object:
    older = (await threads.history())[1:]
    asked, *_ = [id for id in older if await threads.questions(checkpoint_id=id)]
    return await threads.run("run", await threads.answers("one?", at_checkpoint=asked), checkpoint_id=asked)


async def two_attempts(threads: Threads) -> object:
    graph = threads.on(await threads.begin("run"))
    config: Any = {"configurable": {"thread_id": "thread"}, "metadata": {"run_id": "run"}}
    async for _ in graph.astream(said("cut"), config, durability=threads.durability, stream_mode="updates"):
        break
    return await threads.run("run", said("cut"))


async def a_greeting_and_every_answer(threads: Threads) -> object:
    await a_greeting(threads)
    return await every_answer(threads)


CASES = {
    "new thread": Case(graphs.chat, (), a_greeting),
    "new thread, open questions": Case(graphs.asking, (), a_greeting),
    "new thread, every answer": Case(graphs.asking, (), a_greeting_and_every_answer),
    "new thread, configs of nodes": Case(graphs.wilful, (), a_greeting),
    "new thread, failing": Case(graphs.failing, (), a_failure),
    "next turn": Case(graphs.chat, (greeted,), a_turn),
    "turn over open questions": Case(graphs.asking, (greeted,), a_turn),
    "turn over open questions, kept subgraphs": Case(graphs.keeping, (greeted,), a_turn),
    "turn over half answered questions": Case(graphs.asking, (greeted, half_answered), a_turn),
    "turn over answered questions": Case(graphs.asking, (greeted, all_answered), a_turn),
    "turn over answered questions, kept subgraphs": Case(graphs.keeping, (greeted, all_answered), a_turn),
    "one answer": Case(graphs.asking, (greeted,), an_answer),
    "one answer, kept subgraphs": Case(graphs.keeping, (greeted,), an_answer),
    "one more answer, with an update": Case(graphs.asking, (greeted, half_answered), an_answer_and_more),
    "every answer": Case(graphs.asking, (greeted,), every_answer),
    "every answer, kept subgraphs": Case(graphs.keeping, (greeted,), every_answer),
    "every other answer": Case(graphs.asking, (greeted, half_answered), every_answer),
    "answer with an update": Case(graphs.asking, (greeted,), an_answer_and_more),
    "update and goto": Case(graphs.asking, (greeted, all_answered), an_update),
    "update and goto over open questions": Case(graphs.asking, (greeted,), an_update),
    "pause": Case(graphs.asking, (greeted, all_answered), a_pause),
    "fork": Case(graphs.asking, (greeted, all_answered), a_fork),
    "fork, kept subgraphs": Case(graphs.keeping, (greeted, all_answered), a_fork),
    "turn from an older checkpoint": Case(graphs.chat, (greeted,), a_turn_from_an_older_checkpoint),
    "answer to an older question": Case(graphs.asking, (greeted, asked_again), an_answer_to_an_older_question),
    "after a failure": Case(graphs.failing, (greeted,), going_on),
    "two attempts": Case(graphs.asking, (greeted, all_answered), two_attempts),
    "configs of nodes": Case(graphs.wilful, (greeted,), a_turn),
    "functional": Case(graphs.functional, (greeted, all_answered), a_turn),
    "functional, every answer": Case(graphs.functional, (greeted,), every_answer),
    "functional, turn over an open question": Case(graphs.functional, (greeted,), a_turn),
}

KEPT = [(graphs.asking, "stateless"), (graphs.keeping, "kept")]


def words(found: tuple[Any, Any]) -> Any:
    values, following = found
    return values["log"], values["told"], values["last"], following


class RollbackPromises:
    """A thread after a rollback reads as before the run."""

    @pytest.mark.parametrize("case", CASES.values(), ids=CASES)
    async def test_all_that_is_read_is_as_before(self, checkpoints: Checkpoints, case: Case) -> None:
        threads = Threads(checkpoints, case.build())
        await threads.run("other", GREETING, "other thread")
        for act in case.before:
            await act(threads)
        seen = await threads.seen(), await threads.seen("other thread")
        await case.run(threads)
        assert (await threads.seen(), await threads.seen("other thread")) != seen
        await threads.restore("run")
        assert (await threads.seen(), await threads.seen("other thread")) == seen

    @pytest.mark.parametrize(("build", "subgraphs"), KEPT)
    async def test_what_is_read_is_as_before(self, checkpoints: Checkpoints, build: Build, subgraphs: str) -> None:
        threads = Threads(checkpoints, build())
        await greeted(threads)
        await half_answered(threads)
        seen = await threads.seen()
        await every_answer(threads)
        assert await threads.seen() != seen
        await threads.restore("run")
        assert await threads.seen() == seen

    @pytest.mark.parametrize(("build", "subgraphs"), KEPT)
    @pytest.mark.parametrize("run", [an_answer, every_answer, a_turn, an_update], ids=lambda run: run.__name__)
    async def test_open_questions_are_answered_as_if_the_run_had_never_been(
        self, checkpoints: Checkpoints, build: Build, subgraphs: str, run: Act
    ) -> None:
        threads = Threads(checkpoints, build())
        await threads.run("control", GREETING, "control")
        await greeted(threads)
        asked = await threads.questions()
        await run(threads)
        await threads.restore("run")
        assert await threads.questions() == asked
        assert sorted(asked.values()) == ["asked 1?", "nested 1?", "one?"]
        assert words(await threads.answered()) == words(await threads.answered("control"))

    async def test_a_functional_question_is_answered_as_if_the_run_had_never_been(
        self, checkpoints: Checkpoints
    ) -> None:
        threads = Threads(checkpoints, graphs.functional())
        await threads.run("control", GREETING, "control")
        await greeted(threads)
        await every_answer(threads)
        await threads.restore("run")
        assert await threads.answered() == await threads.answered("control")

    @pytest.mark.parametrize("run", [a_turn, a_fork], ids=lambda run: run.__name__)
    async def test_a_finished_thread_goes_on_as_if_the_run_had_never_been(
        self, checkpoints: Checkpoints, run: Act
    ) -> None:
        threads = Threads(checkpoints, graphs.keeping())
        for thread_id in ("control", "thread"):
            await threads.run(f"greeting of {thread_id}", GREETING, thread_id)
            await threads.answered(thread_id)
        await run(threads)
        await threads.restore("run")
        for thread_id in ("control", "thread"):
            await threads.run(f"turn of {thread_id}", said("later"), thread_id)
        assert words(await threads.answered()) == words(await threads.answered("control"))
