"""docs/scale.md: its numbers are calculated from the kept results, and written between markers."""

from __future__ import annotations

import re
from pathlib import Path

from .figures import FLOOR, OURS
from .results import Results
from .rows.agent import STEPS

_MARK = re.compile(r"<!--=(?P<name>\w+)-->.*?<!--/-->")

# What is assumed; the document names each beside the formulas.
RUNS_A_DAY = 1_000_000
WAITING = 100_000
PEAK = 3
"""The busiest hour by the mean."""
STEP_SECONDS = 3.0
TOKENS = 500
"""Streamed events of a run beside those of its steps."""
LOAD = 0.6
"""How much of a core is planned with."""
SLOTS = 200
"""Runs that one worker executes at a time: `worker.max_concurrent_activities`."""
CACHED = 600
"""Workflows that one worker keeps: `worker.max_cached_workflows`."""
RETENTION_DAYS = 3
STREAM_HOURS = 24
"""How long Temporal keeps closed workflows, and the bridge streams."""
DAY = 86_400


def numbers(results: Results) -> dict[str, str]:
    """Every number of the document, by the name of its marker."""
    run, waiting = results.row("agent_run"), results.row("waiting_memory")
    cost, events = run.notes, run.figures["perdure"].median
    event_bytes = results.row("bridge_rate").notes["bytes an event"]
    peak = RUNS_A_DAY / DAY * PEAK
    in_flight = peak * STEPS * STEP_SECONDS
    cores = {name: peak * cost[f"CPU of the {name}, ms"] / 1000 / LOAD for name in ("server", "worker", "client")}
    stream = cost["bridge, bytes"] + TOKENS * event_bytes
    found: dict[str, float] = {
        **_tiny(results),
        "runs_a_day": RUNS_A_DAY,
        "waiting": WAITING,
        "peak_factor": PEAK,
        "steps": STEPS,
        "step_seconds": STEP_SECONDS,
        "tokens": TOKENS,
        "load": LOAD,
        "slots": SLOTS,
        "cached": CACHED,
        "retention_days": RETENTION_DAYS,
        "stream_hours": STREAM_HOURS,
        "run_events": events,
        "run_history_bytes": cost["history, bytes"],
        "run_actions": cost["actions"],
        "run_cpu_server": cost["CPU of the server, ms"],
        "run_cpu_worker": cost["CPU of the worker, ms"],
        "run_cpu_client": cost["CPU of the client, ms"],
        "run_stream_bytes": stream,
        "event_bytes": event_bytes,
        "run_store_bytes": cost["store, bytes"],
        "run_checkpoint_bytes": cost["checkpoints, bytes"],
        "peak_runs": peak,
        "events_a_second": peak * events,
        "actions_a_second": peak * cost["actions"],
        "actions_a_day": RUNS_A_DAY * cost["actions"],
        "history_gb": RUNS_A_DAY * RETENTION_DAYS * cost["history, bytes"] / 1e9,
        "server_cores": cores["server"],
        "worker_cores": cores["worker"],
        "client_cores": cores["client"],
        "in_flight": in_flight,
        "workers_by_slots": in_flight / SLOTS,
        "store_gb_a_day": RUNS_A_DAY * cost["store, bytes"] / 1e9,
        "checkpoints_gb_a_day": RUNS_A_DAY * cost["checkpoints, bytes"] / 1e9,
        "stream_gb": RUNS_A_DAY * STREAM_HOURS / 24 * stream / 1e9,
        "stream_events_a_second": peak * (STEPS + TOKENS),
        "stream_mb_a_second": peak * stream / 1e6,
        "waiting_history_gb": WAITING * cost["history, bytes"] / 1e9,
        "waiting_memory_mb": waiting.figures["perdure"].median,
        "waiting_measured": waiting.notes["runs"],
        "waiting_store_gb": WAITING * (cost["store, bytes"] + cost["checkpoints, bytes"]) / 1e9,
    }
    return {
        **{name: number(value) for name, value in found.items()},
        "measured": f"{results.measured:%Y-%m-%d}",
        "machine": f"{results.machine['cores']} cores, {results.machine['processor']}",
    }


def _tiny(results: Results) -> dict[str, float]:
    """A run of one superstep beside Temporal's floor."""
    throughput, history = results.row("throughput"), results.row("one_step_history")
    found = {"tiny_events": history.figures[OURS].median + history.notes["of its thread, events"]}
    for name, system in (("tiny", OURS), ("floor", FLOOR)):
        found[f"{name}_rate"] = throughput.figures[system].median
        for process in ("server", "worker", "client"):
            found[f"{name}_{process}"] = throughput.notes[f"{system}, CPU of its {process}, ms a run"]
    floor = sum(found[f"floor_{process}"] for process in ("server", "worker", "client"))
    return {**found, "tiny_allowed": floor / throughput.goals[0].limit}


def number(value: float) -> str:
    """Two digits more than none, thousands apart: nobody plans with the third digit of an estimate."""
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def fill(text: str, found: dict[str, str]) -> str:
    """The text with each number in its place. Raises `KeyError` for a marker that nothing is calculated for."""
    return _MARK.sub(lambda mark: f"<!--={mark['name']}-->{found[mark['name']]}<!--/-->", text)


def update(path: Path, found: dict[str, str]) -> None:
    """Rewrite a document."""
    path.write_text(fill(path.read_text("utf-8"), found), "utf-8")
