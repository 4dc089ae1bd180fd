"""What the services log: text, or one JSON object a line."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from perdure.cli.logs import as_json
from perdure.contracts.telemetry.log_context import log_context

Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What a root logger as a service has it writes in the JSON form."""
    root, written = logging.getLogger(), io.StringIO()
    before = root.handlers[:]
    root.handlers[:] = [logging.StreamHandler(written)]
    as_json()
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = before


def test_a_record_names_its_run_and_its_trace(lines: Lines) -> None:
    span = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1)))
    with trace.use_span(span), log_context(run_id="r", thread_id="t"):
        logging.getLogger("perdure.test").warning("it is %s", "so\nlate")
    (line,) = lines()
    assert (line["message"], line["level"], line["logger"]) == ("it is so\nlate", "warning", "perdure.test")
    assert (line["run_id"], line["thread_id"]) == ("r", "t")
    assert line["trace_id"] == f"{0xABC:032x}"


def test_an_error_comes_with_its_traceback(lines: Lines) -> None:
    try:
        raise ValueError("no luck")
    except ValueError:
        logging.getLogger("perdure.test").exception("it failed")
    (line,) = lines()
    assert "ValueError: no luck" in str(line["error"])
    assert "run_id" not in line
