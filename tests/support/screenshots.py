"""Makes the pictures of the documents, in docs/images: `make screenshots`."""

# LangGraph is only partly typed.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
from __future__ import annotations

import asyncio
import logging
import operator
from pathlib import Path
from typing import Annotated, Any, Literal

from langchain_core.messages import AnyMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from playwright.async_api import Page
from typing_extensions import TypedDict

from perdure import RunRecord, RunScope, RunSpec
from perdure.gateway import Gateway, Serving
from perdure.testing import Asked, ScriptedChatModel, tool_call
from perdure.testing.environment import Environment, environment

from .browsers import chromium

FOLDER = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 150_000
"""Bytes of a picture."""
UI = "http://127.0.0.1:8233/namespaces/default/workflows/"


class Trip(TypedDict, total=False):
    title: str
    messages: Annotated[list[AnyMessage], add_messages]
    offers: Annotated[list[str], operator.add]
    pace: float
    fails: bool
    decision: Any


@tool
async def find_trains(to: str) -> str:
    """Find trains."""
    await asyncio.sleep(0.9)
    return f"07:28 to {to}, 49 CHF; 09:02 to {to}, 61 CHF"


@tool
async def find_rooms(near: str) -> str:
    """Find rooms."""
    await asyncio.sleep(0.6)
    return f"two rooms near {near} from 120 CHF"


def _guide(asked: Asked) -> Any:
    said = [one for one in asked.messages if one.type == "tool"]
    if not said:
        return tool_call("find_trains", {"to": "Bern"}, text="First the trains.")
    if len(said) == 1:
        return tool_call("find_rooms", {"near": "Bern, Bundesplatz"}, text="Now a room close by.")
    return "The 07:28 is the cheapest train, and a room near the Bundesplatz costs 120 CHF: 169 CHF in all."


def _scout() -> Any:
    """The graph within: a model and its tools."""
    model = ScriptedChatModel(_guide)

    async def think(state: Trip) -> Trip:
        await asyncio.sleep(0.5)
        return {"messages": [await model.ainvoke(state.get("messages", []))]}

    graph = StateGraph(Trip).add_node("think", think).add_node("tools", ToolNode([find_trains, find_rooms]))
    graph.add_edge(START, "think").add_conditional_edges("think", tools_condition).add_edge("tools", "think")
    return graph.compile()


def _node(name: str, seconds: float) -> Any:
    async def node(state: Trip) -> Trip:
        await asyncio.sleep(seconds * state.get("pace", 1.0))
        if state.get("fails") and name == "budget":
            raise ConnectionError("rates.example.com does not answer")
        return {"offers": [name]}

    return node


async def _approve(state: Trip) -> Trip:
    action = {"name": "book_trip", "args": {"train": "07:28", "room": "Bundesplatz", "price": 169}}
    asked = {
        "action_requests": [{**action, "description": "The offer holds until noon. Shall it be booked?"}],
        "review_configs": [{"action_name": "book_trip", "allowed_decisions": ["approve", "edit", "reject"]}],
    }
    return {"decision": interrupt(asked)}


def trip() -> Any:
    """A graph with a graph within, parallel nodes and a question."""
    graph = StateGraph(Trip).add_node("plan", _node("plan", 0.7)).add_node("scout", _scout())
    graph.add_node("budget", _node("budget", 2.4)).add_node("approve", _approve).add_node("book", _node("book", 0.8))
    graph.add_edge(START, "plan").add_edge("plan", "scout").add_edge("plan", "budget")
    graph.add_edge(["scout", "budget"], "approve").add_edge("approve", "book").add_edge("book", END)
    return graph.compile()


async def _begin(env: Environment, thread: str, title: str, **input: Any) -> RunRecord:
    question = [("user", "A day in Bern, please, as cheap as can be.")]
    spec = RunSpec(
        assistant_id="trip",
        scope=RunScope(thread_id=thread),
        input={"title": title, "messages": question, **input},
        stream_modes=("messages", "updates"),
        stream_subgraphs=True,
    )
    return await env.runs.create_background(spec)


async def _taken(page: Page, name: str) -> None:
    await page.wait_for_timeout(1500)
    path = FOLDER / f"{name}.png"
    await page.screenshot(path=path)
    size = path.stat().st_size
    assert size < LARGEST, f"{path} has {size:,} bytes"


async def _run_pictures(env: Environment, address: str) -> None:
    async with chromium() as browser:
        for number, title in enumerate(("A weekend in Basel", "Two nights in Chur")):
            done = await _begin(env, f"trip-{number}", title, pace=0.2)
            await env.runs.join_wait(done.run_id)
            await env.runs.resume(done.run_id, {"decisions": [{"type": "approve"}]})
        failed = await _begin(env, "trip-sion", "An evening in Sion", fails=True)
        await env.runs.join_wait(failed.run_id)
        for title in ("A month in Lausanne", "A week in Lausanne"):
            await _begin(env, "trip-lausanne", title, pace=500.0)
        asks = await _begin(env, "trip-bern", "A day in Bern")
        await env.runs.join_wait(asks.run_id)
        pictures: list[tuple[str, Literal["light", "dark"], str, int]] = [
            ("run", "light", f"runs/trip-bern/{asks.run_id}", 1240),
            ("run-dark", "dark", f"runs/trip-bern/{asks.run_id}", 1240),
            ("runs", "light", "", 520),
        ]
        for name, scheme, place, height in pictures:
            context = await browser.new_context(viewport={"width": 1180, "height": height}, color_scheme=scheme)
            page = await context.new_page()
            await page.goto(f"{address}/#/{place}")
            if place:
                await page.locator("svg.graph").wait_for()
            await _taken(page, name)
            await context.close()


async def main() -> None:
    """All of them."""
    logging.disable(logging.CRITICAL)
    FOLDER.mkdir(exist_ok=True)
    serving = Serving(temporal_ui=UI)
    async with environment({"trip": trip()}) as env:
        gateway = Gateway(env.runs, host="127.0.0.1", port=0, serving=serving)
        async with gateway:
            await _run_pictures(env, gateway.url)


if __name__ == "__main__":
    asyncio.run(main())
