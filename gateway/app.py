"""The API as an ASGI application."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from . import (
    assistant_changes,
    assistants,
    crons,
    meta,
    metrics,
    run_queries,
    runs,
    states,
    store,
    thread_stream,
    threads,
)
from .access import Authenticate, Authenticated, JsonBodies
from .context import Context
from .errors import add_handlers
from .sse import Unburdened

_PARTS = (
    meta,
    metrics,
    assistants,
    assistant_changes,
    crons,
    threads,
    states,
    runs,
    run_queries,
    thread_stream,
    store,
)
"""More specific paths come first."""
_EXPOSED = ["x-pagination-total", "x-pagination-next", "content-location", "location"]


def create_app(
    context: Context, *, origins: Sequence[str] = ("*",), authenticate: Authenticate | None = None
) -> FastAPI:
    """All routes of one gateway."""
    app = FastAPI(title="Perdure", version=version("perdure"), summary="LangGraph's Agent Server API, on Temporal")
    app.state.context = context
    for part in _PARTS:
        app.include_router(part.router)
    add_handlers(app)
    app.add_middleware(Unburdened)
    app.add_middleware(JsonBodies)
    if authenticate is not None:
        app.add_middleware(Authenticated, authenticate)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=[*origins],
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
        allow_private_network=True,
    )
    return app
