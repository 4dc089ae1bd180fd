"""The commands of a workflow, and what came in between, as lines to read and to compare."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

COMMANDS = Path(__file__).parent / "commands.txt"

_MARKERS = {"data": "activity_type", "patch-data": "id"}
"""Where a marker has what it is about."""
_NOT_COMPARED = (
    "WorkflowTask",
    "ActivityTaskStarted",
    "ChildWorkflowExecutionStarted",
    "ExternalWorkflowExecutionSignaled",
)
"""How Temporal packs the story into workflow tasks, and its mere confirmations that something was begun. They come
whenever the server gets to them (before or after the end of what was begun, together or one by one), and decide
nothing."""


def kind(event: HistoryEvent) -> str:
    """The event's type as Temporal's tools write it."""
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    return "".join(part.capitalize() for part in name.split("_"))


def commands(events: Iterable[HistoryEvent]) -> list[str]:
    """One line an event, with the names in it and without ids, times and payloads."""
    return list(_lines({event.event_id: event for event in events}))


def _lines(events: Mapping[int, HistoryEvent]) -> Iterator[str]:
    cut_off: set[int] = set()
    for event in events.values():
        name = kind(event)
        if name.startswith(_NOT_COMPARED):
            continue
        scheduled = getattr(_attributes(event), "scheduled_event_id", 0)  # of an activity, by the events after that
        if name == "ActivityTaskCancelRequested":
            cut_off.add(scheduled)
        elif scheduled in cut_off and name in ("ActivityTaskCompleted", "ActivityTaskCanceled"):
            # Two ways to tell a slice to stop race: its stop channel (it completes) and its heartbeat (cancelled).
            name = "ActivityTaskCompleted or Canceled"
        yield " ".join([name, *_names(events.get(scheduled, event))])


def _attributes(event: HistoryEvent) -> Any:
    return getattr(event, event.WhichOneof("attributes") or "", None)


def _names(event: HistoryEvent) -> list[str]:
    attributes = _attributes(event)
    match kind(event):
        case "ActivityTaskScheduled":
            return [attributes.activity_type.name]
        case "WorkflowExecutionSignaled" | "SignalExternalWorkflowExecutionInitiated":
            return [attributes.signal_name]
        case "WorkflowExecutionUpdateAccepted":
            return [attributes.accepted_request.input.name]
        case "MarkerRecorded":  # of a local activity, or of `workflow.patched`
            (data,) = (attributes.details[key].payloads[0].data for key in _MARKERS if key in attributes.details)
            return [next(json.loads(data)[key] for key in _MARKERS.values() if key in json.loads(data))]
        case "UpsertWorkflowSearchAttributes":
            fields = attributes.search_attributes.indexed_fields
            return [f"{name}={_text(fields[name])}" for name in sorted(fields)]
        case _:
            return []


def _text(payload: Payload) -> str:
    return payload.data.decode().strip('"')


def read() -> dict[str, list[str]]:
    """What `commands.txt` expects of each scenario."""
    found: dict[str, list[str]] = {}
    for section in filter(None, COMMANDS.read_text("utf-8").strip().split("\n\n")):
        title, *lines = section.splitlines()
        found[title.removeprefix("# ")] = lines
    return found


def write(expected: Mapping[str, list[str]]) -> None:
    """Write `commands.txt`, a section a scenario."""
    sections = ("\n".join([f"# {name}", *lines]) for name, lines in sorted(expected.items()))
    COMMANDS.write_text("\n\n".join(sections) + "\n", "utf-8")
