"""The Model Context Protocol at `/mcp`: each assistant is a tool, and a call of it is a run.

No gateway remembers a client. The session id that a client is given at `initialize` is only a name that it says again:
of it and of the request's id the run's id is made, so a call that is sent twice is one run, and any gateway can cancel
it. Clients of the revision 2026-07-28 have no session; they cancel by leaving.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import orjson
from fastapi import APIRouter, Request, Response
from starlette.types import Message, Receive, Scope, Send

from ..context import Context, InContext
from ..json_values import object_of
from ..long_answers import LongReply
from ..request_bodies import replayed
from ..sse import STREAMED
from .installed import needs
from .mcp_translation import run_of

router = APIRouter(tags=["Agents"])

_SESSION = "mcp-session-id"


@router.post("/mcp", responses=STREAMED)
async def serve_mcp(context: InContext, request: Request) -> Response:
    """Answer a message of the Model Context Protocol (streamable HTTP)."""
    with needs("MCP", "mcp", "mcp"):
        from .mcp_server import serve
    body, session = await request.body(), request.headers.get(_SESSION)
    message = _message(body)
    if message.get("method") == "notifications/cancelled":
        await _cancel(context, session, message)
        return Response(status_code=202)
    answer = partial(_answered, serve, context, session, body, begins=message.get("method") == "initialize")
    return LongReply(context, answer)


async def _answered(
    serve: Any,
    context: Context,
    session: str | None,
    body: bytes,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    begins: bool,
) -> None:
    name = str(uuid.uuid4())

    async def named(message: Message) -> None:
        if begins and message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (_SESSION.encode(), name.encode())]
        await send(message)

    await serve(context, session, scope, replayed(body, receive), named)


async def _cancel(context: Context, session: str | None, message: Mapping[str, Any]) -> None:
    params = message.get("params")
    if session is None or not isinstance(params, dict):
        return
    run_id = run_of(session, cast("dict[str, Any]", params).get("requestId"))
    if await context.runs.get_run(run_id) is not None:
        await context.runs.cancel(run_id)


def _message(body: bytes) -> dict[str, Any]:
    """Nothing of what is no message: its answer is the library's."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return object_of(found)
