"""Traces: one for each run, from the call that creates it over every activity to each node, model and tool call.

Off unless the process has an OpenTelemetry SDK tracer provider (`runtime.telemetry`, or the user's own program).

A span is exported when it ends, and a killed worker ends none. So that a trace is one tree nevertheless, the ids of
the spans that others hang on are no accident: they follow from the run and the attempt. Whoever comes later knows
them, and ends what a killed worker could not: the next attempt the one before, the last activity the run's own.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from ..serialization.text import class_name, message_of, traceback_of, valid_text
from .redaction import withheld

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.id_generator import IdGenerator

SCOPE = "perdure"
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
"""The W3C's form, https://www.w3.org/TR/trace-context/#traceparent-header."""

_chosen: ContextVar[int | None] = ContextVar("perdure_span_id", default=None)


def enabled() -> bool:
    """Whether spans would go anywhere."""
    sdk = sys.modules.get("opentelemetry.sdk.trace")  # a process that traces has loaded it
    return sdk is not None and isinstance(trace.get_tracer_provider(), sdk.TracerProvider)


def span_id(*parts: object) -> int:
    """The id of the span that `parts` name, the same in every process."""
    digest = hashlib.sha256("\0".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8]) or 1


def traceparent() -> str | None:
    """The current span, for others to hang on; `None` when nothing is recorded."""
    current = trace.get_current_span().get_span_context()
    if not current.is_valid or not current.trace_flags.sampled:
        return None
    return f"00-{current.trace_id:032x}-{current.span_id:016x}-{int(current.trace_flags):02x}"


def below(parent: str, span: int | None = None) -> Context | None:
    """The context in which a span hangs on `parent`, or on the span with this id in the trace of `parent`."""
    match = _TRACEPARENT.fullmatch(parent)
    if match is None:
        return None
    flags = TraceFlags(int(match[3], 16))
    above = SpanContext(int(match[1], 16), span or int(match[2], 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(above), otel_context.Context())


def start(
    name: str,
    *,
    context: Context | None = None,
    id: int | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, Any] | None = None,
    start_time: int | None = None,
) -> Span:
    """A span, with the id that was chosen for it. Times are nanoseconds since the epoch."""
    token = _chosen.set(id)
    try:
        return _tracer().start_span(name, context, kind, attributes, start_time=start_time)
    finally:
        _chosen.reset(token)


@contextmanager
def current(span: Span) -> Generator[Span]:
    """Inside the block the span is the current one. It ends with the block, which may fail it."""
    with trace.use_span(span, end_on_exit=True):
        yield span


def fail(span: Span, error: BaseException | str) -> None:
    """Mark a span as failed."""
    if isinstance(error, BaseException):
        # As `record_exception` does, which has no patience with an exception that has no text.
        said = {"message": withheld(message_of(error)), "stacktrace": withheld(traceback_of(error))}
        told = {"type": class_name(type(error)), **said}
        span.add_event("exception", {f"exception.{name}": text for name, text in told.items()})
    text = message_of(error) if isinstance(error, BaseException) else valid_text(error)
    span.set_status(Status(StatusCode.ERROR, withheld(text)[:500]))


def _tracer() -> trace.Tracer:
    tracer = trace.get_tracer(SCOPE)  # ours alone: the provider has one for each scope
    ids: Any = getattr(tracer, "id_generator", None)
    if ids is not None and not isinstance(ids, _ChosenIds):
        tracer.id_generator = _ChosenIds(ids)  # pyright: ignore[reportAttributeAccessIssue]
    return tracer


class _ChosenIds:
    """Gives the id that was chosen for a span, and others by the provider's own generator."""

    def __init__(self, inner: IdGenerator) -> None:
        self._inner = inner

    def generate_span_id(self) -> int:
        return _chosen.get() or self._inner.generate_span_id()

    def generate_trace_id(self) -> int:
        return self._inner.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        return self._inner.is_trace_id_random()
