"""Runs as the page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ...contracts.stories import OutlinedEvent, RunStep, RunTimeline, Standstill
from ...contracts.threads import ThreadDetails, ThreadSnapshot, ThreadStatus
from ...contracts.types import RunInterrupt, RunRecord, RunSpec
from ...contracts.wire import run_workflow_id
from ...facade.standstills import is_breakpoint
from ..replies import moment
from ..run_views import asked_of

_MESSAGE = 2000
"""Characters of an error in a list."""
_SHOWN = ("call_id", "node", "step", "model", "tool", "name", "caller", "agent", "usage", "failures", "error")


def now() -> str | None:
    """By this machine's clock, from which a browser's may differ."""
    return moment(datetime.now(UTC))


def row(run: RunRecord, why: Standstill | None, tokens: int | None) -> dict[str, Any]:
    """A run of a list."""
    return {
        "run_id": run.run_id,
        "thread_id": run.thread_id,
        "graph": run.assistant_id,
        "status": str(run.status),
        "title": run.title,
        "created_at": moment(run.created_at),
        "started_at": moment(run.started_at),
        "ended_at": moment(run.ended_at),
        "steps": run.steps,
        "attempt": run.attempt,
        "tokens": tokens,
        "error": None if run.error is None else {"type": run.error.type, "message": run.error.message[:_MESSAGE]},
        "why": None if why is None else _standstill(why),
    }


def _standstill(why: Standstill) -> dict[str, Any]:
    return {"reason": why.reason, "text": why.text, "since": moment(why.since), "behind": why.behind}


def whole(
    run: RunRecord,
    why: Standstill | None,
    tokens: int | None,
    asked: Sequence[RunInterrupt],
    *,
    answerable: bool,
    can_go_on: bool,
) -> dict[str, Any]:
    """A run by itself."""
    error = None if run.error is None else run.error.model_dump()
    return {
        **row(run, why, tokens),
        "error": error,
        "at": now(),
        "usage": run.usage,
        "metadata": run.metadata,
        "user_id": run.user_id,
        "cancel_action": run.cancel_action,
        "follow_up_to": run.follow_up_to_run_id,
        "workflow_id": run_workflow_id(run.run_id),
        "questions": [question(one) for one in asked],
        "answerable": answerable,
        "can_go_on": can_go_on,
    }


def question(one: RunInterrupt) -> dict[str, Any]:
    """What a run asks."""
    return {"id": one.id, "value": one.value, "breakpoint": is_breakpoint(one)}


def settings_of(spec: RunSpec) -> dict[str, Any]:
    """What a run was asked to be."""
    return {name: value for name, value in asked_of(spec).items() if value not in (None, {}, [], ())}


def timeline(found: RunTimeline) -> dict[str, Any]:
    """A part of a run's story."""
    turns = [{**one.payload, "type": one.event_type, "at": moment(one.occurred_at)} for one in found.turns]
    return {
        "turns": [turn for turn in turns if turn["type"] not in ("human_message", "thread_status_updated")],
        "events": [_outlined(event) for event in found.events],
        "next": found.next,
        "more": found.more,
    }


def _outlined(event: OutlinedEvent) -> dict[str, Any]:
    shown = {name: event.metadata[name] for name in _SHOWN if event.metadata.get(name) is not None}
    told = {"seq": event.seq, "type": event.event_type, "attempt": event.attempt, "at": moment(event.created_at)}
    return {**shown, **told, "path": event.path}


def step(one: RunStep) -> dict[str, Any]:
    """A checkpoint of a run."""
    return {
        "checkpoint_id": one.checkpoint_id,
        "step": one.step,
        "source": one.source,
        "at": moment(one.created_at),
        "namespace": one.namespace,
        "next": one.next,
        "questions": one.questions,
    }


def thread_row(thread: ThreadDetails, tokens: int | None) -> dict[str, Any]:
    """A thread of a list, with what it asks, or has failed with. `tokens`: of its runs."""
    error = None if thread.error is None else f"{thread.error.type}: {thread.error.message}"[:_MESSAGE]
    return {
        "thread_id": thread.thread_id,
        "graph": thread.assistant_id,
        "status": str(thread.status),
        "title": thread.title,
        "updated_at": moment(thread.updated_at),
        "tokens": tokens,
        "questions": [question(one) for one in thread.interrupts],
        "error": error if thread.status is ThreadStatus.ERROR else None,
    }


def checkpoint(one: ThreadSnapshot) -> dict[str, Any]:
    """One of a thread, without its values."""
    return {
        "checkpoint_id": one.checkpoint_id,
        "parent": one.parent_checkpoint_id,
        "step": one.metadata.get("step"),
        "source": one.metadata.get("source"),
        "at": moment(one.created_at),
        "next": one.next,
    }
