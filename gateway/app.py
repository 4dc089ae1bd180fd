"""The API as an ASGI application."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.middleware.cors import CORSMiddleware

from ..contracts.langgraph_http import HttpConfig
from . import (
    assistant_changes,
    assistants,
    crons,
    meta,
    metrics,
    page,
    run_queries,
    runs,
    states,
    store,
    thread_stream,
    threads,
)
from .agents import a2a, a2a_translation, ag_ui, ag_ui_translation, mcp, mcp_translation
from .callers import Identify
from .context import Context
from .errors import add_handlers
from .guard import Guard
from .heads import Heads
from .json_bodies import JsonBodies
from .limits import Limited
from .mounting import CustomRoutes, Mounted
from .page.dots import Dots
from .protocol import commands as protocol_commands
from .protocol import events as protocol_events
from .protocol import websocket as protocol_websocket
from .protocol.feed import Feeds
from .quick_reads import QuickReads
from .run_headers import RunHeaders
from .security_schemes import describe
from .serving import Serving
from .stopping import Stopping
from .translation import Translate

_EXPOSED = ("x-pagination-total", "x-pagination-next", "content-location", "location", "mcp-session-id")

PARTS = {
    "ui": page.ROUTERS,
    "meta": (meta.router, metrics.router),
    "assistants": (assistants.router, assistant_changes.router),
    "threads": (threads.router, states.router),
    "runs": (
        crons.router,
        runs.router,
        run_queries.router,
        thread_stream.router,
        protocol_events.router,
        protocol_commands.router,
        protocol_websocket.router,
    ),
    "store": (store.router,),
    "mcp": (mcp.router,),
    "a2a": (a2a.router,),
    "ag_ui": (ag_ui.router,),
}
"""All routes, by what `http.disable_…` of `langgraph.json` calls them. More specific paths come first."""

TRANSLATIONS: Mapping[str, Translate] = {
    "/mcp": mcp_translation.translated,
    "/a2a/{assistant_id}": a2a_translation.translated,
    "/ag-ui/{assistant_id}": ag_ui_translation.translated,
}
"""What the routes of other protocols do in the words of the API, by their paths."""


def create_app(context: Context, serving: Serving | None = None) -> FastAPI:
    """All routes of one gateway. Raises `ConfigError` for what cannot be served so."""
    serving = serving or Serving()
    app = FastAPI(title="Perdure", version=version("perdure"), summary="LangGraph's Agent Server API, on Temporal")
    app.state.context = context
    app.state.feeds = Feeds(context.runs, context.arrivals)
    app.state.cors = serving.cors
    app.state.mount_prefix = serving.mount_prefix
    wanted = _wanted(serving.http)
    for router in wanted:
        app.include_router(router)
    add_handlers(app)
    describe(app, serving)
    # The last that is added is the first that a request comes to.
    app.add_middleware(QuickReads, context, {getattr(one, "path", "") for router in wanted for one in router.routes})
    identify = serving.identifiers(context.runs)
    _add_inner(app, context, serving, identify)
    _add_outer(app, context, serving, identify)
    return app


def _wanted(http: HttpConfig) -> list[APIRouter]:
    disabled = {part for part in PARTS if getattr(http, f"disable_{part}")}
    return [router for part, routers in PARTS.items() if part not in disabled for router in routers]


def _add_inner(app: FastAPI, context: Context, serving: Serving, identify: list[Identify]) -> None:
    settings = serving.settings
    app.add_middleware(Heads)
    if serving.http.configurable_headers.included:
        app.add_middleware(RunHeaders, serving.http.configurable_headers)
    if settings.requests_per_second is not None or settings.open_streams is not None:
        app.add_middleware(
            Limited,
            per_second=settings.requests_per_second,
            burst=settings.burst,
            open_streams=settings.open_streams,
        )
    if serving.asks:
        app.add_middleware(Guard, context.runs, identify, serving.authorization(), TRANSLATIONS)
    app.add_middleware(JsonBodies, settings.max_body)
    app.add_middleware(Dots)


def _add_outer(app: FastAPI, context: Context, serving: Serving, identify: list[Identify]) -> None:
    if serving.app is not None:
        app.add_middleware(CustomRoutes, serving.app, identify if serving.http.enable_custom_route_auth else ())
    app.add_middleware(Stopping, context)  # within what lets pages of other origins read an answer
    cors = serving.cors
    app.add_middleware(
        CORSMiddleware,
        allow_origins=cors.allow_origins,
        allow_origin_regex=cors.allow_origin_regex,
        allow_methods=cors.allow_methods,
        allow_headers=cors.allow_headers,
        allow_credentials=cors.allow_credentials,
        expose_headers=[*dict.fromkeys((*_EXPOSED, *cors.expose_headers))],
        max_age=cors.max_age,
        allow_private_network=True,
    )
    if serving.mount_prefix is not None:
        app.add_middleware(Mounted, serving.mount_prefix)
