"""Runs of `graphs/story.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from perdure import RunScope, RunSpec

MODES = ("values", "updates", "messages", "custom", "tasks")
STORY = {"story": "story.py:graph"}


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
