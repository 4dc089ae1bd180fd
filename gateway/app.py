"""The API as an ASGI application."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from . import assistants, meta, run_queries, runs, states, thread_stream, threads
from .context import Context
from .errors import add_handlers

_EXPOSED = ["x-pagination-total", "x-pagination-next", "content-location", "location"]


def create_app(context: Context, *, origins: Sequence[str] = ("*",)) -> FastAPI:
    """All routes of one gateway. More specific paths come first."""
    app = FastAPI(title="Perdure", version=version("perdure"), summary="LangGraph's Agent Server API, on Temporal")
    app.state.context = context
    for part in (meta, assistants, threads, states, runs, run_queries, thread_stream):
        app.include_router(part.router)
    add_handlers(app)
    app.add_middleware(_AnyBodyIsJson)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[*origins],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
        allow_private_network=True,
    )
    return app


class _AnyBodyIsJson:
    """Clients send JSON and do not always say so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            others = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
            scope = {**scope, "headers": [*others, (b"content-type", b"application/json")]}
        await self._app(scope, receive, send)
