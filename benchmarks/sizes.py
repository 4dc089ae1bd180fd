"""How often each thing is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """All of them together take about five minutes on two quiet cores."""

    latencies: int = 40
    peer_latencies: int = 8
    """The LangGraph dev server takes a second for each."""
    hundreds: int = 10
    slow_runs: int = 5
    slow_steps: int = 10
    burst: int = 240
    at_once: int = 50
    cancels: int = 40
    others_going: int = 100
    bridge_events: int = 50_000
    deliveries: int = 1000
    token_runs: int = 200
    token_seconds: float = 4.0
    live_readers: int = 500
    replays: int = 200
    replayed_events: int = 10_000
    grown_steps: int = 1_000
    grown_runs: int = 1_000
    waiting: int = 500
    resumes: int = 20
    agents: int = 30
    model_calls: int = 200
    kills: int = 3
    starts: int = 3


QUICK = Sizes(
    latencies=4,
    peer_latencies=3,
    hundreds=3,
    slow_runs=2,
    slow_steps=2,
    burst=20,
    at_once=10,
    cancels=5,
    others_going=6,
    bridge_events=5_000,
    deliveries=100,
    token_runs=10,
    token_seconds=1.0,
    live_readers=25,
    replays=10,
    replayed_events=1_000,
    grown_steps=60,
    grown_runs=15,
    waiting=15,
    resumes=3,
    agents=4,
    model_calls=200,
    kills=1,
    starts=1,
)
"""A minute: enough to see that everything works, too little to compare."""
