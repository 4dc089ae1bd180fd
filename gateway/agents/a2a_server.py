"""A request of A2A, answered by its library over tasks that are runs."""

from __future__ import annotations

from a2a.server.routes.jsonrpc_dispatcher import JsonRpcDispatcher
from starlette.requests import Request
from starlette.responses import Response

from ..context import Context
from ..graph_names import Chosen
from .a2a_handler import Tasks


async def answered(context: Context, assistant_id: str, chosen: Chosen, request: Request) -> Response:
    """JSON, or a response whose `body_iterator` has the server-sent events."""
    tasks = Tasks(context, assistant_id, chosen)
    return await JsonRpcDispatcher(tasks, enable_v0_3_compat=True).handle_requests(request)
