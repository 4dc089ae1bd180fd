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
    growth_rounds: int = 3
    growth_window: int = 20
    """Steps, or runs, of which a median is taken."""
    waiting: int = 500
    resumes: int = 20
    agents: int = 30
    model_calls: int = 200
    kills: int = 3
    starts: int = 3
    api_threads: int = 1_000
    api_seconds: float = 1.0
    """For each kind of read, and each server."""
    api_readers: int = 20
    """Of each of ten runs."""
    api_tokens: int = 150
    """Of each run."""
    subscribers: int = 200
    """Of one thread."""
    subscribed_tokens: int = 100
    page_runs: int = 100_000
    page_views: int = 10
    page_seconds: float = 6.0


QUICK = Sizes(
    latencies=4,
    peer_latencies=3,
    hundreds=1,
    slow_runs=2,
    slow_steps=2,
    burst=10,
    at_once=5,
    cancels=3,
    others_going=6,
    bridge_events=1_000,
    deliveries=100,
    token_runs=5,
    token_seconds=1.0,
    live_readers=10,
    replays=10,
    replayed_events=1_000,
    grown_steps=20,
    grown_runs=10,
    growth_rounds=1,
    growth_window=5,
    waiting=5,
    resumes=3,
    agents=2,
    model_calls=30,
    kills=1,
    starts=1,
    api_threads=20,
    api_seconds=0.1,
    api_readers=2,
    api_tokens=50,
    subscribers=3,
    subscribed_tokens=20,
    page_runs=100,
    page_views=1,
    page_seconds=0.5,
)
"""Half a minute: enough to see that everything works, too little to compare."""
