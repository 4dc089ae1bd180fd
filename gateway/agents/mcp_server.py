"""One message of the Model Context Protocol, answered by its library."""

from __future__ import annotations

from importlib.metadata import version

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.types import Receive, Scope, Send

from ..context import Context
from .mcp_calls import Calls
from .mcp_tools import listed

_ANY = 2**62
"""Bytes of a body: the gateway has bounded them already."""


async def serve(context: Context, session: str | None, scope: Scope, receive: Receive, send: Send) -> None:
    """Within this call, whatever it starts: so all of it acts for who has called, and ends with his connection."""
    calls = Calls(context, session)
    server = Server(
        "perdure",
        version=version("perdure"),
        instructions="Each tool is an agent. A call runs it to its end, which may take long.",
        get_tool_input_schema=lambda _: None,  # no tool has parameters that come as headers
        on_list_tools=lambda _, params: listed(context.runs, params),
        on_call_tool=calls.call,
    )
    manager = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=_ANY)
    async with manager.run():
        await manager.handle_request(scope, receive, send)
