"""The command `init`: a small project that runs without an API key."""

from __future__ import annotations

from pathlib import Path

from ..contracts.errors import ConfigError
from .exit_codes import ExitCode
from .session import Session

_GRAPH = '''"""A graph that counts down and then asks. Replace it by yours: any compiled LangGraph graph will do."""

import asyncio
from typing import TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    left: int
    answer: str


async def count(state: State) -> State:
    await asyncio.sleep(0.5)
    return {"left": state.get("left", 3) - 1}


async def ask(state: State) -> State:
    return {"answer": interrupt("Lift off?")}


def following(state: State) -> str:
    return "count" if state.get("left", 0) > 0 else "ask"


builder = StateGraph(State)
builder.add_node(count)
builder.add_node(ask)
builder.add_edge(START, "count")
builder.add_conditional_edges("count", following, ["count", "ask"])
builder.add_edge("ask", END)
graph = builder.compile()
'''
_README = """# A Perdure project

`graph.py` is a LangGraph graph, `langgraph.json` names it. Start everything that it needs:

    perdure dev

and in a second terminal:

    perdure run countdown -i '{"left": 3}'

It counts, asks, and waits for its answer, also over a restart. Then:

    perdure runs
    perdure graph countdown
"""
_FILES = {
    "langgraph.json": '{\n  "dependencies": ["."],\n  "graphs": {\n    "countdown": "./graph.py:graph"\n  }\n}\n',
    "graph.py": _GRAPH,
    "README.md": _README,
    ".gitignore": ".perdure/\n__pycache__/\n",
}


async def init(session: Session, folder: Path) -> ExitCode:
    """`perdure init`. Nothing is written when a file of one of the names is there."""
    _write(folder)
    if session.output.as_json:
        session.output.document({"folder": str(folder), "files": [*_FILES]})
        return ExitCode.OK
    session.output.line(f"made {', '.join(_FILES)} in {folder}")
    enter = "" if folder == Path() else f"cd {folder} && "
    session.output.note(f"next: {enter}perdure dev\nthen, in another terminal: {enter}perdure run countdown")
    return ExitCode.OK


def _write(folder: Path) -> None:
    _refuse_to_overwrite(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in _FILES.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as exc:
        raise ConfigError(f"the project cannot be written: {exc}") from exc


def _refuse_to_overwrite(folder: Path) -> None:
    if there := [name for name in _FILES if (folder / name).exists()]:
        raise ConfigError(f"{folder} has {', '.join(there)} already; name another folder: perdure init DIR")
