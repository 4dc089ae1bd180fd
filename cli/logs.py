"""The logs of a command, all on stderr."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

from ..runtime.telemetry import temporal_metrics

_CORE = "temporalio.core"


def configure(*, serves: bool, debug: bool) -> None:
    """Set up logging. `serves`: the command is a service, which tells what it does; others only warn."""
    usual = logging.INFO if serves else logging.WARNING
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("perdure").setLevel(logging.DEBUG if debug else usual)
    if not serves and not debug:
        # When Ctrl-C cuts a call off, the SDK leaves a future behind that asyncio complains about.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if serves or debug or temporal_metrics() is not None:
        configure_core(forwarded=serves or debug)


def as_json() -> None:
    """From now on each record is one JSON object on a line of its own."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_JsonLines())


class _JsonLines(logging.Formatter):
    """Time, level, logger, message; the run and the trace that the record is about; the error, if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        from ..contracts.serialization.serializer import to_json
        from ..contracts.telemetry import tracing
        from ..contracts.telemetry.log_context import log_ids

        document: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **log_ids(),
        }
        if (parent := tracing.traceparent()) is not None:
            _, document["trace_id"], document["span_id"], _ = parent.split("-")
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return to_json(document).decode()


def configure_core(*, forwarded: bool = False) -> None:
    """Temporal's native library logs to stdout by itself, where only results belong. Before the first connection."""
    from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

    logging_config = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger(_CORE), append_target_to_name=False),
    )
    # What a client's retries would log, its error says when they have failed.
    telemetry = TelemetryConfig(logging=logging_config if forwarded else None, metrics=temporal_metrics())
    Runtime.set_default(Runtime(telemetry=telemetry), error_if_already_set=False)
