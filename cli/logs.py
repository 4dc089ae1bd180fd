"""The logs of a command, all on stderr."""

from __future__ import annotations

import logging
import sys

_CORE = "temporalio.core"


def configure(*, serves: bool, debug: bool) -> None:
    """Set up logging. `serves`: the command is a service, which tells what it does; others only warn."""
    detail = logging.DEBUG if debug else logging.INFO if serves else logging.WARNING
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("perdure").setLevel(detail)
    if not serves and not debug:
        # When Ctrl-C cuts a call off, the SDK leaves a future behind that asyncio complains about.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    _configure_core(serves or debug)


def _configure_core(forwarded: bool) -> None:
    """Temporal's native library logs to stdout by itself, where only results belong."""
    from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

    logging_config = LoggingConfig(
        filter=TelemetryFilter(core_level="WARN", other_level="ERROR"),
        forwarding=LogForwardingConfig(logger=logging.getLogger(_CORE), append_target_to_name=False),
    )
    # What a client's retries would log, its error says when they have failed.
    telemetry = TelemetryConfig(logging=logging_config if forwarded else None)
    Runtime.set_default(Runtime(telemetry=telemetry), error_if_already_set=False)
