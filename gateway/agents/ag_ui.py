"""AG-UI at `/ag-ui/{assistant}`, which CopilotKit's pages and others speak: an input is a run, told by typed events.

The page's thread is a thread of the API, its run a run. An input that is sent twice with the same run is told again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from ..context import HEARTBEAT as SILENCE
from ..context import InContext
from ..errors import INVALID_JSON, invalid, refuse
from ..long_answers import LongAnswer
from ..sse import STREAMED
from ..translation import as_allowed
from .ag_ui_runs import spec_of
from .ag_ui_translation import run_of, translated
from .installed import needs

router = APIRouter(tags=["Agents"])

_ALIVE = b": heartbeat\n\n"


@router.post("/ag-ui/{assistant_id}", responses=STREAMED)
async def serve_ag_ui(assistant_id: str, context: InContext, request: Request) -> Response:
    """Run an assistant for a page (`RunAgentInput`), and tell of it (server-sent events)."""
    with needs("AG-UI", "ag-ui", "ag_ui"):
        from ag_ui.core import RunAgentInput

        from .ag_ui_events import told
    body = _loaded(await request.body())
    try:
        given = RunAgentInput.model_validate(body)
    except ValidationError as exc:
        raise invalid(exc) from exc
    asked = as_allowed(translated, {"assistant_id": assistant_id}, body)
    if asked is None:
        raise refuse(422, "threadId: a text")
    run_id = run_of(given.run_id, asked.match.values["thread_id"])
    spec = await spec_of(context.runs, asked, run_id, by_id=bool(given.resume))
    record, stream = await context.runs.create_and_stream(spec, heartbeat_interval=SILENCE)
    events = told(context, stream, record.run_id, thread=given.thread_id, run=given.run_id)
    return LongAnswer(context, _encoded(events))


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise refuse(422, INVALID_JSON) from exc


async def _encoded(events: AsyncGenerator[Any]) -> AsyncGenerator[bytes]:
    from ag_ui.encoder import EventEncoder

    encoder = EventEncoder()
    async for event in events:
        yield _ALIVE if event is None else encoder.encode(event).encode()
