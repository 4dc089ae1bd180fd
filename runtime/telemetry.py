"""OpenTelemetry for this process, as the standard `OTEL_*` variables say. Without them nothing is set up or loaded.

On by an endpoint (`OTEL_EXPORTER_OTLP_ENDPOINT`, or the one of a signal) or by an exporter's name
(`OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`: `otlp`, `console`, `none`, or another one that is installed). A
provider that the program has set up itself is left alone. See
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/.
"""

from __future__ import annotations

import os
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal

from ..contracts.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from temporalio.runtime import OpenTelemetryConfig

Signal = Literal["traces", "metrics"]

_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_GRPC = "grpc"
_FLUSH = 5_000  # milliseconds


def set_up_telemetry() -> None:
    """Set up what the environment asks for. Idempotent. Raises `ConfigError` for an exporter that is not installed."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    if name := _exporter("traces"):
        _set_up_traces(name)
    if name := _exporter("metrics"):
        _set_up_metrics(name)
        _send_temporals_own()


def flush_telemetry() -> None:
    """Send what has not been sent, for a few seconds at most: for a process that ends without Python's own exit."""
    from opentelemetry import metrics, trace

    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if (flush := getattr(provider, "force_flush", None)) is not None:
            flush(timeout_millis=_FLUSH)


def _send_temporals_own() -> None:
    if (metrics := temporal_metrics()) is not None:
        from temporalio.runtime import Runtime, TelemetryConfig

        # The command line has set one up before, which sends them, too.
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(metrics=metrics)), error_if_already_set=False)


def temporal_metrics() -> OpenTelemetryConfig | None:
    """Where Temporal's own metrics go: to the endpoint of ours, `None` when those go nowhere or elsewhere."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")
    base = os.environ.get(_ENDPOINT)
    if _exporter("metrics") not in ("otlp_proto_http", "otlp_proto_grpc") or not (endpoint or base):
        return None
    from temporalio.runtime import OpenTelemetryConfig

    http = _protocol("metrics") != _GRPC
    return OpenTelemetryConfig(url=endpoint or _http_url(base or "", http=http), headers=_headers(), http=http)


def _http_url(base: str, *, http: bool) -> str:
    return f"{base.rstrip('/')}/v1/metrics" if http else base


def _headers() -> dict[str, str]:
    pairs = (pair.partition("=") for pair in os.environ.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(",") if "=" in pair)
    return {key.strip(): value.strip() for key, _, value in pairs}


def _exporter(signal: Signal) -> str | None:
    """The name of the exporter of a signal, `None` when there is to be none."""
    endpoints = (_ENDPOINT, f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    default = "otlp" if any(os.environ.get(name) for name in endpoints) else "none"
    name = os.environ.get(f"OTEL_{signal.upper()}_EXPORTER") or default
    if name == "otlp":
        return "otlp_proto_grpc" if _protocol(signal) == _GRPC else "otlp_proto_http"
    return None if name == "none" else name


def _protocol(signal: Signal) -> str:
    return os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL") or os.environ.get(_PROTOCOL, "http/protobuf")


def _load(signal: Signal, name: str) -> Any:
    found = list(entry_points(group=f"opentelemetry_{signal}_exporter", name=name))
    if not found:
        raise ConfigError(
            f"OTEL_{signal.upper()}_EXPORTER: the exporter {name!r} is not installed; "
            'the one for OTLP over HTTP comes with `pip install "perdure[otel]"`'
        )
    return found[0].load()()


def _set_up_traces(name: str) -> None:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from ..contracts.telemetry import tracing

    if tracing.enabled():
        return
    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(_load("traces", name)))
    trace.set_tracer_provider(provider)


def _set_up_metrics(name: str) -> None:
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    if isinstance(metrics.get_meter_provider(), MeterProvider):
        return
    reader = PeriodicExportingMetricReader(_load("metrics", name))
    metrics.set_meter_provider(MeterProvider(resource=_resource(), metric_readers=[reader]))


def _resource() -> Resource:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource

    # The variables come over this default.
    return Resource({SERVICE_NAME: "perdure"}).merge(Resource.create()) if not _named() else Resource.create()


def _named() -> bool:
    attributes = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return bool(os.environ.get("OTEL_SERVICE_NAME")) or "service.name=" in attributes
