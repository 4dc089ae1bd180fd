"""What a run of `graphs/story.py` must have done and published, compared with bare LangGraph."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver

from perdure import RunScope, RunSpec, StreamEvent
from perdure.contracts.serialization import from_json, to_json

from .workers import GRAPHS

MODES = ("values", "updates", "messages", "custom", "tasks")
STORY = {"story": "story.py:graph"}

# What differs between two executions of the same graph.
_INCIDENTAL = {
    "effects", "metadata", "thread_id", "run_id", "assistant_id", "checkpoint_ns", "langgraph_checkpoint_ns",
    "langgraph_path", "versions",
}  # fmt: skip
Seen = tuple[str, str]


def story_input(effects: Path, *, rounds: int, delay: float) -> dict[str, Any]:
    """The input of a run that notes its side effects in a file."""
    return {"messages": [], "log": [], "rounds": rounds, "round": 1, "delay": delay, "effects": str(effects)}


def story_spec(thread_id: str, effects: Path, *, rounds: int, delay: float, subgraphs: bool = False) -> RunSpec:
    return RunSpec(
        assistant_id="story",
        scope=RunScope(thread_id=thread_id),
        input=story_input(effects, rounds=rounds, delay=delay),
        stream_modes=MODES,
        stream_subgraphs=subgraphs,
    )


async def uninterrupted(folder: Path, *, rounds: int, subgraphs: bool = False) -> list[Seen]:
    """What bare LangGraph streams for the story."""
    spec = importlib.util.spec_from_file_location("bare_story", GRAPHS / "story.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    graph = module.build().compile(checkpointer=InMemorySaver())
    # `checkpoints` is streamed beside, as we do: LangGraph then gives the tasks their ids in the same way.
    chunks = graph.astream(
        story_input(folder / "bare", rounds=rounds, delay=0.0),
        {"configurable": {"thread_id": "bare"}},
        stream_mode=[*MODES, "checkpoints"],
        subgraphs=True,
    )
    return [
        _seen("|".join((mode, *ns)), from_json(to_json(chunk)))
        async for ns, mode, chunk in chunks
        if mode != "checkpoints" and (subgraphs or not ns)
    ]


def violations(events: Sequence[StreamEvent], expected: Sequence[Seen], effects: Path) -> list[str]:
    """What is wrong with a finished run's stream and side effects; empty when nothing is."""
    found: list[str] = []
    if [event.id for event in events] != [str(number + 1) for number in range(len(events))]:
        found.append(f"ids are not dense: {[event.id for event in events]}")
    if [event.event for event in events if event.event in ("end", "error", "cancel")] != ["end"]:
        found.append(f"the stream ends with {events[-1]}")
    published = [_seen(event.event, event.data) for event in events if event.event not in ("metadata", "end")]
    found += _differences("state events", _of_state(published), _of_state(expected))
    if _values(published) != _values(expected):
        found.append("values out of order")
    again = Counter(_emitted(published)) - Counter(_emitted(expected))
    lost = Counter(_emitted(expected)) - Counter(_emitted(published))
    if lost:
        found.append(f"lost tokens: {list(lost)[:3]}")
    if again and sum(event.event == "metadata" for event in events) == 1:
        found.append(f"doubled tokens in a single attempt: {list(again)[:3]}")
    return found + _repeated_steps(effects)


def _seen(event: str, data: Any) -> Seen:
    name = "|".join(part.partition(":")[0] for part in event.split("|"))
    return name, json.dumps(_essence(data), sort_keys=True)


def _essence(value: Any) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        kept = {key: item for key, item in items if key not in _INCIDENTAL}
        if not str(kept.get("id", "")).startswith("message-"):
            kept.pop("id", None)
        return {key: _essence(item) for key, item in kept.items()}
    if isinstance(value, list | tuple):
        return [_essence(item) for item in cast("Iterable[Any]", value)]
    return value if not isinstance(value, float) else "a delay"


def _of_state(seen: Iterable[Seen]) -> list[Seen]:
    return [one for one in seen if not one[0].startswith(("messages", "custom"))]


def _values(seen: Iterable[Seen]) -> list[Seen]:
    return [one for one in seen if one[0] == "values"]


def _emitted(seen: Iterable[Seen]) -> list[Seen]:
    return [one for one in seen if one[0].startswith(("messages", "custom"))]


def _differences(what: str, published: list[Seen], expected: list[Seen]) -> list[str]:
    # Parallel tasks finish in any order, so events are compared as a multiset.
    extra, missing = Counter(published) - Counter(expected), Counter(expected) - Counter(published)
    texts = [f"{what} too many: {one}" for one in list(extra)[:2]]
    return texts + [f"{what} missing: {one}" for one in list(missing)[:2]]


def _repeated_steps(effects: Path) -> list[str]:
    """Work of a superstep that happened after work of a later one: the superstep was complete, and ran again."""
    newest, found = -1, list[str]()
    for line in effects.read_text().splitlines():
        step = _superstep(line.partition(" ")[0])
        if step < newest:
            found.append(f"repeated: {line}")
        newest = max(newest, step)
    return found


def _superstep(work: str) -> int:
    kind, _, rest = work.partition("-")
    number = int(rest.partition("-")[0])
    steps = {"think": number * 3, "fan": number * 3 - 2, "join": number * 3 - 1, "inner": 9000 + number}
    return steps[kind]
