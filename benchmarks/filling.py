"""Many threads of which nothing is known but their metadata, on a server of LangGraph's API."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import create_engine, insert
from sqlalchemy.engine import make_url

from perdure.store.schema import threads

from .api import Api

TEAMS = 50
_AT_ONCE = 8
"""Connections that ask at the same time."""
_PART = 10_000
"""Rows of one transaction: others write, too."""


def team(place: int) -> Mapping[str, str]:
    """The metadata of a thread: one of so many."""
    return {"team": f"t{place % TEAMS}"}


async def by_calls(api: Api, number: int) -> None:
    """One after the other, as any client makes them."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(place: int) -> None:
        async with free:
            await api.call("POST", "/threads", {"metadata": team(place)})

    for first in range(0, number, _PART):
        await asyncio.gather(*map(one, range(first, min(first + _PART, number))))


def into(url: str, number: int) -> None:
    """Into a store of ours: a second for so many that calls would take minutes."""
    engine = create_engine(make_url(url).set(drivername="sqlite+pysqlite"))
    for part in _parts(number):
        with engine.begin() as connection:
            connection.execute(insert(threads), part)
    engine.dispose()


def _parts(number: int) -> Iterator[Sequence[Mapping[str, Any]]]:
    for first in range(0, number, _PART):
        yield [_row(place) for place in range(first, min(first + _PART, number))]


def _row(place: int) -> Mapping[str, Any]:
    now = datetime.now(UTC)
    named = {"thread_id": str(uuid.uuid4()), "status": "idle", "metadata": team(place), "begun": True}
    return {**named, "created_at": now, "updated_at": now}
