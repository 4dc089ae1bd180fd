"""Two streams of the same graph, compared: what a run has published, and what bare LangGraph streams."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Any, cast

Seen = tuple[str, str]
"""The name of an event, and its data as text, without what differs between two executions of the same graph."""

IDS_AND_TIMES = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "HASH"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+\+00:00"), "TIME"),
    (re.compile(r"\b\d{32}\.\d+"), "VERSION"),
)
# And the process; and the run, where one goes on with the work of another.
_INCIDENTAL = (
    *IDS_AND_TIMES,
    (re.compile(r'"(?:perdure_)?run_id": "[^"]*"'), '"run_id": RUN'),
    (re.compile(r'"pid": \d+'), '"pid": PID'),
)
OF_NODES = ("messages", "custom")
"""Modes whose events only a node that really runs emits."""


def seen(event: str, data: Any) -> Seen:
    """An event in the form in which it is compared."""
    if event.startswith("messages"):
        chunk, metadata = data
        data = [chunk, {name: metadata[name] for name in ("langgraph_node", "langgraph_step")}]
    return in_text(event, _in_order(essence(event, data)), _INCIDENTAL)


def in_text(event: str, data: Any, incidental: Iterable[tuple[re.Pattern[str], str]]) -> Seen:
    """An event's name and data, with another word for what a pattern finds."""
    text = "\n".join((event, json.dumps(data, sort_keys=True)))
    for pattern, name in incidental:
        text = pattern.sub(name, text)
    name, _, rest = text.partition("\n")
    return name, rest


def essence(event: str, data: Any) -> Any:
    """A checkpoint that is read again shows the run's metadata, and the results that are saved beside it."""
    if event.startswith("debug"):
        return {**data, "payload": essence("checkpoints" if data["type"] == "checkpoint" else "", data["payload"])}
    if not event.startswith("checkpoints"):
        return data
    metadata = {name: data["metadata"][name] for name in ("source", "step")}
    tasks = [task["name"] for task in data["tasks"]]
    return {"metadata": metadata, "tasks": tasks, "values": data["values"], "next": data["next"]}


def _in_order(data: Any) -> Any:
    """Parallel nodes ask in any order."""
    if not isinstance(data, dict):
        return data
    fields = cast("dict[str, Any]", data)
    return {
        name: sorted(value, key=lambda one: str(one["value"])) if name in ("__interrupt__", "interrupts") else value
        for name, value in fields.items()
    }


def mode_of(name: str) -> str:
    """The stream mode in an event's name."""
    return name.partition("|")[0]


def is_whole(event: Seen) -> bool:
    """Whether it is a message in one piece. A graph reports one at its end if it has not seen the tokens go by."""
    return mode_of(event[0]) == "messages" and '"type": "AIMessageChunk"' not in event[1]


def canonical(events: Iterable[Seen]) -> dict[str, list[list[Seen]]]:
    """The events of each namespace between its states; in between, parallel tasks report in any order."""
    found: dict[str, list[list[Seen]]] = {}
    for name, data in events:
        mode, _, ns = name.partition("|")
        if mode in OF_NODES:
            continue
        spans = found.setdefault(ns, [[]])
        state = mode in ("values", "checkpoints") or (mode == "debug" and '"type": "checkpoint"' in data)
        if state and '"__interrupt__"' not in data:  # a question is reported when it is asked
            spans += [[(name, data)], []]
        else:
            spans[-1].append((name, data))
    return {ns: [sorted(span) for span in spans if span] for ns, spans in found.items()}


def emitted(events: Iterable[Seen]) -> Counter[Seen]:
    """What nodes said, each so many times."""
    return Counter(one for one in events if mode_of(one[0]) in OF_NODES)


def differences(got: Sequence[Seen], expected: Sequence[Seen], *, cut: bool = False) -> list[str]:
    """What is too much and what is missing; after a cut, tokens may come again."""
    extra, missing = Counter(got) - Counter(expected), Counter(expected) - Counter(got)
    known = set(expected)
    found = [
        f"too many ({extra[one]}): {' '.join(one)[:300]}"
        for one in extra
        if not (cut and mode_of(one[0]) in OF_NODES and one in known)
    ]
    found += [f"missing ({missing[one]}): {' '.join(one)[:300]}" for one in missing]
    if not found and (wrong := _out_of_order(canonical(got), canonical(expected))):
        found.append(wrong)
    return found


def _out_of_order(got: Mapping[str, list[list[Seen]]], expected: Mapping[str, list[list[Seen]]]) -> str | None:
    for ns, spans in expected.items():
        theirs = got.get(ns, [])
        for mine, other in zip_longest(spans, theirs):
            if mine != other:
                return f"out of order in {ns or 'the root'}: {other!s:.300} instead of {mine!s:.300}"
    return None
