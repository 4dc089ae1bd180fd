"""A graph whose exceptions cannot be told: their texts are no Unicode, or their own code fails. `how` says which."""

from __future__ import annotations

import sys
from typing import Any, TypedDict

from langgraph.graph import START, StateGraph

CUT = "page title \ud83d cut in the middle of an emoji"


class NoText(Exception):
    def __str__(self) -> str:
        return self.args[5]


class NoRepr(Exception):
    def __str__(self) -> str:
        return ""

    def __repr__(self) -> str:
        raise ValueError(CUT)


class WrongText(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


class ExitingText(Exception):
    def __str__(self) -> str:
        sys.exit(3)


class NoPickle(Exception):
    def __init__(self, one: object, two: object) -> None:
        super().__init__()
        self.one = lambda: (one, two)

    def __reduce__(self) -> Any:
        raise TypeError("cannot be pickled")


class NoNotes(Exception):
    __notes__ = 5  # type: ignore[assignment]


class Sly(str):
    def __str__(self) -> str:
        raise RuntimeError("not this one")

    __format__ = __len__ = __str__  # type: ignore[assignment]


class SlyText(Exception):
    def __str__(self) -> str:
        return Sly("sly")


class _Nameless(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in ("__qualname__", "__module__"):
            raise RuntimeError("it has no name")
        return super().__getattribute__(name)


Odd = type("Odd", (Exception,), {"__module__": "odd\ud83d"})
Placeless = type("Placeless", (Exception,), {"__module__": 5})
Nameless = _Nameless("Nameless", (Exception,), {})


def _noted(error: Exception, note: str) -> Exception:
    error.add_note(note)
    return error


def _caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


HOW = {
    "text": lambda: ValueError(CUT),
    "note": lambda: _noted(ValueError("fine"), CUT),
    "group": lambda: ExceptionGroup("two tools failed", [ValueError(CUT), NoText("x")]),
    "file": lambda: FileNotFoundError(2, "No such file", b"/nowhere/\xff".decode("utf-8", "surrogateescape")),
    "cause": lambda: _caused(ValueError("fine"), ValueError(CUT)),
    "cause without text": lambda: _caused(ValueError("fine"), NoText("x")),
    "no text": lambda: NoText("x"),
    "no repr": NoRepr,
    "wrong text": WrongText,
    "exiting text": ExitingText,
    "no pickle": lambda: NoPickle(1, 2),
    "no notes": NoNotes,
    "sly text": SlyText,
    "odd class": Odd,
    "placeless class": Placeless,
    "nameless class": Nameless,
    "nul": lambda: ValueError("a\0b"),
    "long": lambda: ValueError("\ud83d" * 100_000),
    "empty": ValueError,
}


class State(TypedDict):
    how: str


async def node(state: State) -> None:
    raise HOW[state["how"]]()


def sync_node(state: State) -> None:
    raise HOW[state["how"]]()


raises = StateGraph(State).add_node("node", node).add_edge(START, "node")
raises_below = StateGraph(State).add_node("sub", raises.compile()).add_edge(START, "sub")
raises_beside = StateGraph(State).add_node("node", sync_node).add_node("other", node)
raises_beside.add_edge(START, "node").add_edge(START, "other")


def factory(config: dict[str, Any]) -> StateGraph[State]:
    raise HOW[config["configurable"]["how"]]()
