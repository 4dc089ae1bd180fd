"""A research agent over a folder of documents: an ordinary LangGraph graph.

    begin → model ⇄ tools → check (each note, in parallel) → write

The model searches and reads and takes notes; every note's quote is checked against its document; the report is
written from the notes that stand. `PERDURE_MODEL=provider:name` chooses a real model (with the provider's key in
the environment); without it a scripted one answers, with `RESEARCH_TOKEN_DELAY` seconds between its words.
"""

# LangGraph's builder is only partly typed.
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false

import asyncio
import json
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from operator import add
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import Overwrite, Send

# A graph file is loaded by its path, as part of no package. Its neighbours are found from the project's root, where
# `"dependencies": ["."]` of langgraph.json looks too, and by their full names: another graph may have a `tools.py`.
if (root := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.append(root)

from examples.research.scripted_model import ScriptedChatModel
from examples.research.tools import LIBRARY, TOOLS, Note

QUESTION = (
    "What happens to the finished steps of a run when its worker crashes, and to a worker that wakes up too late?"
)
"""What is asked when the input holds no message."""

RESEARCH = """You research questions in a small library of documents. Work in steps, with the tools: list the documents,
search, read the best ones, and take notes. Note only sentences that you copy word for word. When you have enough notes
to answer the question, say so in one sentence and call no tool. Do not answer from memory."""

WRITE = """You get a question and numbered notes as JSON. Write a short report in Markdown that answers the question
from these notes only. Cite the note behind every statement by its number, like [1]. Add no list of sources: that is
done for you."""


class ResearchState(MessagesState):
    """The conversation and what came out of it."""

    notes: Annotated[list[Note], add]
    sources: Annotated[list[Note], add]
    """The notes whose quote stands in its document; the report cites them by number, from 1."""
    report: str


class Claim(TypedDict):
    """The input of one check."""

    note: Note


def chat_model() -> BaseChatModel:
    """The model of `PERDURE_MODEL`, else the scripted one. Raises `RuntimeError` when its package is missing."""
    name = os.environ.get("PERDURE_MODEL")
    if not name:
        return ScriptedChatModel(token_delay=float(os.environ.get("RESEARCH_TOKEN_DELAY") or 0.03))
    try:
        return import_module("langchain.chat_models").init_chat_model(name)
    except ImportError as exc:
        needs = "langchain and the provider's package (for OpenAI: pip install langchain langchain-openai)"
        raise RuntimeError(f"PERDURE_MODEL={name} needs {needs}: {exc}") from exc


async def begin(state: ResearchState) -> dict[str, Any]:
    """Start with empty hands: the thread may have answered another question before."""
    asked = [] if state["messages"] else [HumanMessage(QUESTION)]
    return {"messages": asked, "notes": Overwrite([]), "sources": Overwrite([]), "report": ""}


async def model(state: ResearchState) -> dict[str, Any]:
    """Let the model take its next step."""
    # In a thread: the first import of a provider's package takes seconds and would stop the event loop.
    chat = await asyncio.to_thread(chat_model)
    return {"messages": [await chat.bind_tools(TOOLS).ainvoke([SystemMessage(RESEARCH), *state["messages"]])]}


def after_model(state: ResearchState) -> Literal["tools", "write"] | list[Send]:
    """To the tools that the model calls; when it calls none, to the check of every note."""
    last = state["messages"][-1]
    if isinstance(last, AIMessage) and last.tool_calls:
        return "tools"
    return [Send("check", Claim(note=note)) for note in state["notes"]] or "write"


async def check(state: Claim) -> dict[str, Any]:
    """Keep the note if its quote stands in its document: a model may invent one."""
    note = state["note"]
    return {"sources": [note] if LIBRARY.has_quote(note["document"], note["quote"]) else []}


async def write(state: ResearchState) -> dict[str, Any]:
    """Let the model write the report, and add the list of its sources."""
    chat = await asyncio.to_thread(chat_model)
    answer = await chat.ainvoke([SystemMessage(WRITE), HumanMessage(_request(state))])
    report = f"{_known_citations(answer.text, len(state['sources']))}\n{_list_of_sources(state['sources'])}"
    return {"messages": [answer.model_copy(update={"content": report})], "report": report}


def _request(state: ResearchState) -> str:
    notes = [
        {"number": number, "title": LIBRARY.documents[note["document"]].title, **note}
        for number, note in enumerate(state["sources"], start=1)
    ]
    return json.dumps({"question": _question(state["messages"]), "notes": notes}, ensure_ascii=False)


def _question(messages: Sequence[BaseMessage]) -> str:
    return next((message.text for message in reversed(messages) if isinstance(message, HumanMessage)), QUESTION)


def _known_citations(text: str, sources: int) -> str:
    """`text` without citations of notes that do not exist."""
    return re.sub(r" ?\[(\d+)\]", lambda cited: cited[0] if 1 <= int(cited[1]) <= sources else "", text)


def _list_of_sources(sources: Sequence[Note]) -> str:
    lines = [f"{number}. {note['document']}" for number, note in enumerate(sources, start=1)]
    return "\n".join(["", "## Sources", "", *lines, ""]) if lines else ""


builder = StateGraph(ResearchState)
builder.add_node(begin)
builder.add_node(model)
builder.add_node("tools", ToolNode(TOOLS))
builder.add_node(check)
builder.add_node(write)
builder.add_edge(START, "begin")
builder.add_edge("begin", "model")
builder.add_conditional_edges("model", after_model, ["tools", "check", "write"])
builder.add_edge("tools", "model")
builder.add_edge("check", "write")
builder.add_edge("write", END)
graph = builder.compile(name="research")
