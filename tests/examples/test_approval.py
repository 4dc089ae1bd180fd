"""The human-in-the-loop example."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}}


async def _ask(graph: CompiledStateGraph[Any, Any, Any, Any], given: Any) -> dict[str, Any]:
    """Run to the next question and return it."""
    state = await graph.ainvoke(given, THREAD)
    return state["__interrupt__"][0].value


async def test_yes_publishes_the_draft_that_the_human_saw(approval: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    question = await _ask(approval, {"topic": "version 2"})
    assert question == {"question": "Publish this?", "draft": "We are happy to announce version 2."}
    state = await approval.ainvoke(Command(resume=True), THREAD)
    assert state["published"] == question["draft"]
    assert (await approval.aget_state(THREAD)).next == ()


async def test_a_wish_makes_a_new_draft_and_asks_again(approval: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    await _ask(approval, {"topic": "version 2"})
    second = await _ask(approval, Command(resume="shorter"))
    third = await _ask(approval, Command(resume=False))
    assert "shorter" in second["draft"]
    assert "shorter; another version" in third["draft"]
    state = await approval.ainvoke(Command(resume=True), THREAD)
    assert state["published"] == third["draft"]


async def test_a_second_run_on_the_thread_forgets_the_wishes(approval: CompiledStateGraph[Any, Any, Any, Any]) -> None:
    await _ask(approval, {"topic": "version 2"})
    await _ask(approval, Command(resume="shorter"))
    await approval.ainvoke(Command(resume=True), THREAD)
    assert (await _ask(approval, {"topic": "version 3"}))["draft"] == "We are happy to announce version 3."
