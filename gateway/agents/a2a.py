"""A2A at `/a2a/{assistant}`: another agent's message is a run, its context a thread, its task the run.

A question makes the task `input-required`; the run waits for as long as it takes, and the next message of the task is
the answer. No gateway remembers a task: each answers for all.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from fastapi import APIRouter, Request, Response

from ...facade.runs import RunsFacade
from ..context import HEARTBEAT as SILENCE
from ..context import InContext, Runs
from ..errors import refuse
from ..graph_names import Chosen, chosen_assistant
from ..long_answers import LongAnswer
from ..replies import Json
from ..sse import STREAMED
from .installed import needs
from .keep_alive import kept_alive

router = APIRouter(tags=["Agents"])


@router.post("/a2a/{assistant_id}", responses=STREAMED)
async def serve_a2a(assistant_id: str, context: InContext, request: Request) -> Response:
    """Answer a request of A2A (JSON-RPC, versions 1.0 and 0.3)."""
    with needs("A2A", "a2a", "a2a"):
        from .a2a_server import answered
    chosen = await _existing(context.runs, assistant_id)
    response = await answered(context, assistant_id, chosen, request)
    parts = getattr(response, "body_iterator", None)
    return response if parts is None else LongAnswer(context, kept_alive(_encoded(parts), SILENCE))


async def _encoded(parts: Any) -> AsyncGenerator[bytes]:
    async for part in parts:
        event = f"event: {part['event']}\r\n" if "event" in part else ""
        yield f"{event}data: {part['data']}\r\n\r\n".encode()


@router.get("/a2a/{assistant_id}/.well-known/agent-card.json")
async def get_agent_card(assistant_id: str, runs: Runs, request: Request) -> Response:
    """What an assistant offers to other agents."""
    return await _card(runs, assistant_id, request)


@router.get("/.well-known/agent-card.json")
async def get_card_of(assistant_id: str, runs: Runs, request: Request) -> Response:
    """The same, by a query."""
    return await _card(runs, assistant_id, request)


async def _card(runs: RunsFacade, assistant_id: str, request: Request) -> Response:
    with needs("A2A", "a2a", "a2a"):
        from .a2a_card import card_of
    chosen = await _existing(runs, assistant_id)
    return Json(await card_of(runs, chosen, f"{str(request.base_url).rstrip('/')}/a2a/{assistant_id}"))


async def _existing(runs: RunsFacade, assistant_id: str) -> Chosen:
    chosen = await chosen_assistant(runs, assistant_id)
    if chosen.graph not in await runs.list_graphs(gone=True):
        raise refuse(404, f"Assistant {assistant_id!r} not found")
    return chosen
