"""The reads that clients repeat most, answered without what FastAPI does for a request.

FastAPI tries a path with each of its routes, one after the other, and then finds out what the handler is to be given:
more work than the read itself. The same handlers answer here. What is not as simple as it mostly is (a query, ids or
bodies that are to be refused) goes on to FastAPI, which sees to all of it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar

from fastapi import Response
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from ..contracts.errors import PerdureError
from . import run_queries, states, threads
from .access_rules import Match
from .context import Context
from .errors import refused
from .ids import RunId, ThreadId
from .mounting import match_of
from .request_bodies import read_body, replayed
from .thread_bodies import ThreadCount, ThreadSearch

B = TypeVar("B", bound=ThreadCount)
Answer = Callable[[], Awaitable[Response]]
Prepare = Callable[[Context, Match, bytes], Answer | None]
"""What answers a request with this body; `None`: it is not simple. Raises `ValueError` for what is refused."""

_IDS: Mapping[str, TypeAdapter[str]] = {"thread_id": TypeAdapter(ThreadId), "run_id": TypeAdapter(RunId)}


class QuickReads:
    """Innermost: who calls, and what he may, is seen to."""

    def __init__(self, app: ASGIApp, context: Context, paths: Collection[str]) -> None:
        """`paths`: those that are served at all."""
        self._app = app
        self._context = context
        self._reads = {key: read for key, read in _READS.items() if key[1] in paths}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Answer | None = None
        if (found := self._found(scope)) is not None:
            prepare, match = found
            body = b""
            if match.rule.method == "POST":
                body = await read_body(receive)
                receive = replayed(body, receive)
            try:
                answer = prepare(self._context, match, body)
            except (ValueError, RecursionError):
                answer = None
        if answer is None:
            await self._app(scope, receive, send)
        else:
            await (await _answered(scope, answer))(scope, receive, send)

    def _found(self, scope: Scope) -> tuple[Prepare, Match] | None:
        if scope["type"] != "http" or scope["query_string"]:
            return None
        match = match_of(scope)
        read = None if match is None else self._reads.get((scope["method"], match.rule.path))
        return None if match is None or read is None else (read, match)


async def _answered(scope: Scope, answer: Answer) -> Response:
    try:
        return await answer()
    except (HTTPException, PerdureError) as exc:
        return refused(scope, exc)


def _id(match: Match, name: str) -> str:
    return _IDS[name].validate_python(match.values[name])


def _thread(context: Context, match: Match, _: bytes) -> Answer:
    return partial(threads.get_thread, _id(match, "thread_id"), context.runs)


def _state(context: Context, match: Match, _: bytes) -> Answer:
    return partial(states.get_state, _id(match, "thread_id"), context)


def _runs(context: Context, match: Match, _: bytes) -> Answer:
    return partial(run_queries.listed_runs, context, _id(match, "thread_id"))


def _run(context: Context, match: Match, _: bytes) -> Answer:
    return partial(run_queries.get_run, _id(match, "thread_id"), _id(match, "run_id"), context)


def _searched(kind: type[B], handler: Callable[[B, Any], Awaitable[Response]]) -> Prepare:
    def prepare(context: Context, _: Match, body: bytes) -> Answer:
        # Python's own reader, as FastAPI's: others differ in numbers that are none, or too large.
        return partial(handler, kind.model_validate(json.loads(body)), context.runs)

    return prepare


_READS: Mapping[tuple[str, str], Prepare] = {
    ("GET", "/threads/{thread_id}"): _thread,
    ("GET", "/threads/{thread_id}/state"): _state,
    ("GET", "/threads/{thread_id}/runs"): _runs,
    ("GET", "/threads/{thread_id}/runs/{run_id}"): _run,
    ("POST", "/threads/search"): _searched(ThreadSearch, threads.search_threads),
    ("POST", "/threads/count"): _searched(ThreadCount, threads.count_threads),
}
