"""What a monitoring system asks for: `/metrics`. Runs have the names that LangGraph's server has for them."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Gauge, generate_latest

from ..contracts.types import RunRecord, RunStatus
from .context import InContext
from .replies import Json

router = APIRouter(tags=["System"])

_GAUGES = {
    "lg_api_num_pending_runs": "Runs that wait to be executed.",
    "lg_api_num_running_runs": "Runs that are being executed.",
    "lg_api_pending_runs_wait_time_max": "Seconds for which the first of the runs that wait has waited.",
    "lg_api_pending_runs_wait_time_med": "Seconds for which half of the runs that wait have waited.",
    "perdure_awaiting_runs": "Runs that wait for an answer.",
    "perdure_open_streams": "Answers of this gateway that take long, and are under way.",
}


@router.get("/metrics", response_class=Response)
async def get_metrics(context: InContext, form: Annotated[str, Query(alias="format")] = "prometheus") -> Response:
    """How many runs there are that have not ended (of all gateways), and open streams of this one.

    For Prometheus, with what its client tells of each process; with `format=json` the runs alone.
    """
    runs = await context.runs.unended_runs()
    queue = _queue(runs)
    if form == "json":
        return Json({"queue": queue, "streams": {"open": context.open}})
    values = (
        queue["n_pending"],
        queue["n_running"],
        queue["pending_runs_wait_time_max_secs"] or 0.0,
        queue["pending_runs_wait_time_med_secs"] or 0.0,
        _count(runs, RunStatus.AWAITING_INPUT),
        context.open,
    )
    return Response(_text(values), media_type=CONTENT_TYPE_LATEST)


def _queue(runs: Sequence[RunRecord]) -> dict[str, Any]:
    now = datetime.now(UTC)
    waits = [(now - run.created_at).total_seconds() for run in runs if run.status is RunStatus.PENDING]
    return {
        "n_pending": len(waits),
        "n_running": _count(runs, RunStatus.RUNNING),
        "pending_runs_wait_time_max_secs": max(waits, default=None),
        "pending_runs_wait_time_med_secs": statistics.median(waits) if waits else None,
    }


def _count(runs: Iterable[RunRecord], status: RunStatus) -> int:
    return sum(run.status is status for run in runs)


def _text(values: Iterable[float]) -> bytes:
    registry = CollectorRegistry()
    for (name, told), value in zip(_GAUGES.items(), values, strict=True):
        Gauge(name, told, registry=registry).set(value)
    return generate_latest(registry) + generate_latest(REGISTRY)
