"""What a run with many model calls stores: each call is given the whole conversation so far."""

from __future__ import annotations

from langchain_core.messages import HumanMessage

from ..bench import Bench
from ..figures import OURS, Figure, Goal, Row
from ..ours import RECURSION_LIMIT, spec, succeeded
from ..storage import used_bytes

_MESSAGE = 1_000
"""Characters. 200 calls make 400 messages, and so 0.4 MB of text."""
_BEFORE = 247
"""KB a call that the store took for 200 of them while each row held the whole list (2026-11-30)."""


async def measure(bench: Bench) -> list[Row]:
    """The goal is a tenth of what it was; so it holds for 200 calls only, and with fewer it is easier to miss."""
    home, calls = bench.ours.settings.home, bench.sizes.model_calls
    files = {name: home / f"{name}.db" for name in ("store", "bridge", "checkpoints")}
    before = {name: used_bytes(path) for name, path in files.items()}
    given = {"messages": [HumanMessage("Go on.")], "calls": calls, "size": _MESSAGE}
    limit = {"recursion_limit": RECURSION_LIMIT}
    await succeeded(
        bench.ours.runs, await bench.ours.runs.create_background(spec("talk", given, runnable_config=limit))
    )
    used = {name: (used_bytes(path) - before[name]) / calls / 1000 for name, path in files.items()}
    notes = {f"{name}, KB a call": round(size, 1) for name, size in used.items()}
    figure = Figure.of([used["store"]])
    goals = (Goal("≤ 0.1 × of 2026-11-30", figure.median / _BEFORE, 0.1),)
    return [
        Row("run_bytes", f"store, of a run of {calls} model calls", "KB a call", {OURS: figure}, goals, notes=notes)
    ]
