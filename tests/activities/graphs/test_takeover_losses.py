"""Which graphs have something that a takeover cannot bring back, and what it is."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.channels.untracked_value import UntrackedValue
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore

from perdure.activities import load_graphs, takeover_warnings
from perdure.activities.graphs.takeover_losses import losses


class House:
    class Room(enum.Enum):
        HALL = 1


class Plain(enum.Enum):
    A = 1


@dataclasses.dataclass
class Sized:
    name: str
    size: int = dataclasses.field(init=False, default=0)


class Open(TypedDict, total=False):
    session: Annotated[Any, UntrackedValue]


class Rooms(TypedDict, total=False):
    rooms: list[House.Room | Plain]


class Sizes(TypedDict, total=False):
    sizes: dict[str, Sized]


class Nothing(TypedDict, total=False):
    log: list[str]
    plain: Plain


def of(schema: Any, node: Any = None, **compiled: Any) -> Any:
    async def nothing(state: Any) -> None:
        return None

    graph = StateGraph(schema).add_node("node", node or nothing).add_edge(START, "node")
    return graph.compile(**compiled)


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        (of(Nothing), []),
        (of(Open), ["session is an UntrackedValue: it is gone"]),
        (of(Nothing, of(Open)), ["session is an UntrackedValue: it is gone"]),
        (
            of(Rooms),
            ["rooms may hold House.Room, which is not found by its name in its module: it comes back as plain data"],
        ),
        (of(Sizes), ["sizes may hold Sized, a dataclass with a field of init=False: it comes back as a dict"]),
        (of(Nothing, store=InMemoryStore()), ["its store is an InMemoryStore: each worker has one of its own"]),
        (
            of(Nothing, of(Nothing, checkpointer=InMemorySaver(), name="inner")),
            ["inner keeps its checkpoints in an InMemorySaver: each worker has one of its own"],
        ),
    ],
    ids=["nothing", "untracked", "nested", "enum", "dataclass", "store", "saver"],
)
def test_what_a_graph_has_to_lose(graph: Any, found: list[str]) -> None:
    assert losses(graph) == found


async def test_a_warning_names_the_graph() -> None:
    def made(config: Any) -> Any:
        return of(Nothing)

    graphs = await load_graphs({"quiet": of(Nothing), "open": of(Open), "made": made})
    assert [text.partition(" is without")[0] for text in takeover_warnings(graphs)] == [
        "after a takeover, made",
        "after a takeover, open",
    ]
