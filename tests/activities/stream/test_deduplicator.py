"""The keys of events, and which events there are at all."""

from __future__ import annotations

from typing import Any

from perdure.activities.stream.deduplicator import Deduplicator


def test_the_key_of_an_event_tells_what_is_reported_again() -> None:
    once = Deduplicator("run", ("values", "updates", "tasks", "checkpoints"), subgraphs=True)
    task: dict[str, Any] = {"id": "T", "name": "a", "input": {}, "triggers": []}
    assert [found.key for found in once.feed((), "tasks", task)] == ["ti\n\nT"]
    assert list(once.feed((), "updates", {"a": {}})) == []
    reported = list(once.feed((), "tasks", {"id": "T", "name": "a", "result": {}, "interrupts": [], "error": None}))
    assert [(found.event, found.key, (found.task or found.checkpoint)) for found in reported] == [
        ("updates", "u\n\nT", "T"),
        ("tasks", "tr\n\nT", "T"),
    ]


def test_events_of_subgraphs_are_left_out_unless_they_are_wanted() -> None:
    task: dict[str, Any] = {"id": "T", "name": "a", "input": {}, "triggers": []}
    for wanted in (True, False):
        once = Deduplicator("run", ("tasks",), subgraphs=wanted)
        found = [outgoing.event for outgoing in once.feed(("inner:1",), "tasks", task)]
        assert found == (["tasks|inner:1"] if wanted else [])
