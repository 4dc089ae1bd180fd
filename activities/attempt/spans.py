"""The spans of a run as a whole, and of each attempt at one of its activities."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import Context
from temporalio import activity

from ...contracts.telemetry import tracing
from ...contracts.types import RunRecord
from .fence import own_attempt


@contextmanager
def activity_span(trace: str | None, run_id: str, thread_id: str, fence: int) -> Generator[None]:
    """Around one attempt of an activity of a run."""
    if trace is None or not tracing.enabled():
        yield
        return
    info = activity.info()
    above = tracing.below(trace, _run_span_id(run_id))
    about: dict[str, Any] = {
        "perdure.run_id": run_id,
        "gen_ai.conversation.id": thread_id,
        "temporal.workflow_id": info.workflow_id,
        "temporal.activity_id": info.activity_id,
    }
    number = own_attempt(info)
    if info.attempt > 1:
        _end_of_the_lost(info, above, _attempt_span_id(run_id, fence, number - 1), about)
    own = _attempt_span_id(run_id, fence, number)
    about["temporal.attempt"] = info.attempt
    with tracing.current(tracing.start(info.activity_type, context=above, id=own, attributes=about)):
        yield


def _end_of_the_lost(info: activity.Info, above: Context | None, id: int, about: Mapping[str, Any]) -> None:
    """The attempt before may have been killed, with its span; the spans below it need it."""
    began = int(info.scheduled_time.timestamp() * 1e9)
    attributes = {**about, "temporal.attempt": info.attempt - 1}
    span = tracing.start(info.activity_type, context=above, id=id, attributes=attributes, start_time=began)
    tracing.fail(span, "taken over by the next attempt")
    span.end(int(info.current_attempt_scheduled_time.timestamp() * 1e9))


def end_run_span(trace: str | None, record: RunRecord) -> None:
    """The span of the whole run, which every activity hangs on. Called once its end is written."""
    if trace is None or not tracing.enabled():
        return
    about: dict[str, Any] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": record.assistant_id,
        "gen_ai.conversation.id": record.thread_id,
        "perdure.run_id": record.run_id,
        "perdure.status": record.status.value,
        "perdure.steps": record.steps,
        "perdure.attempts": record.attempt,
    }
    span = tracing.start(
        f"invoke_agent {record.assistant_id}",
        context=tracing.below(trace),
        id=_run_span_id(record.run_id),
        attributes=about,
        start_time=int(record.created_at.timestamp() * 1e9),
    )
    if record.error is not None:
        span.set_attribute("error.type", record.error.type)
        tracing.fail(span, record.error.message)
    span.end(int((record.ended_at or record.updated_at).timestamp() * 1e9))


def _run_span_id(run_id: str) -> int:
    return tracing.span_id("run", run_id)


def _attempt_span_id(run_id: str, fence: int, attempt: int) -> int:
    return tracing.span_id("attempt", run_id, fence, attempt)
