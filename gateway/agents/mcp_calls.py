"""Calls of tools: runs, which are followed to their end or to a question."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import anyio
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolRequestParams, CallToolResult, InputRequiredResult
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.exceptions import HTTPException

from ...contracts.errors import PerdureError, UnknownGraphError
from ...contracts.threads import STATELESS
from ...contracts.types import RunRecord, RunStatus, StreamEvent
from ..context import Context
from ..errors import detail_of
from ..event_values import Asked
from ..run_bodies import RunCreateStateless
from ..run_creation import planned_run
from ..streams import is_open_question
from ..translation import as_allowed
from .mcp_results import answers_in, failed, question_of, result_of
from .mcp_translation import run_of, translated
from .schemas import schemas_of

_MODES = ["values", "tasks"]


class Calls:
    """Of one request."""

    def __init__(self, context: Context, session: str | None) -> None:
        self._context = context
        self._runs = context.runs
        self._session = session

    async def call(
        self, request: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Raises `MCPError` for a tool that there is not; what goes wrong otherwise is a result that says so."""
        try:
            return await self._called(request, params)
        except UnknownGraphError as exc:
            raise _unknown(params) from exc
        except PerdureError as exc:
            return failed(detail_of(exc))
        except HTTPException as exc:
            if exc.status_code == 404:
                raise _unknown(params) from exc
            return failed(str(exc.detail))

    async def _called(
        self, request: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        if params.request_state:
            run = await self._answered(params.request_state, params)
        else:
            run = await self._submitted(request, params)
        if run is None:
            return failed("the question was declined, and the run was cancelled")
        try:
            await self._follow(run.run_id, request)
        except asyncio.CancelledError:
            await self._left(run.run_id, request)
            raise
        result = await self._runs.join_wait(run.run_id)
        if result.status is RunStatus.AWAITING_INPUT:
            return question_of(result)
        return result_of(result, await schemas_of(self._runs, run.assistant_id))

    async def _submitted(self, request: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> RunRecord:
        message = {"method": "tools/call", "params": {"name": params.name, "arguments": params.arguments}}
        asked = as_allowed(translated, {}, message)
        body = RunCreateStateless.model_validate({**_object(asked), "stream_mode": _MODES})
        spec = await planned_run(self._runs, body, None, run_of(self._session, request.request_id))
        if _can_be_asked(request):
            spec = spec.model_copy(update={"on_interrupt": "await"})
        return await self._runs.create_background(spec)

    async def _answered(self, run_id: str, params: CallToolRequestParams) -> RunRecord | None:
        """The run that has asked; `None`: nobody wants to answer it, so it is stopped."""
        run = await self._runs.get_run(run_id)
        if run is None or run.thread_id != f"{STATELESS}{run_id}":
            raise MCPError(INVALID_PARAMS, f"requestState: there is no run {run_id} that waits for an answer")
        answers = answers_in(params.input_responses or {})
        if answers is None:
            await self._runs.cancel(run_id)
            return None
        if answers:
            await self._runs.resume(run_id, answers)
        return run

    async def _follow(self, run_id: str, request: ServerRequestContext[Any, Any]) -> None:
        """To its end, or to an open question."""
        done = 0
        async with await self._runs.join_stream(run_id) as stream:
            async for event in stream:
                if await is_open_question(self._runs, event):
                    return
                if (node := _finished(event)) is not None:
                    done += 1
                    await request.session.report_progress(done, message=node)

    async def _left(self, run_id: str, request: ServerRequestContext[Any, Any]) -> None:
        """A client of the newest revision cancels by leaving; where it is the gateway that stops, the run goes on."""
        if self._context.closing or request.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
            return
        with anyio.CancelScope(shield=True):
            await self._runs.cancel(run_id)


def _object(asked: Asked | None) -> dict[str, Any]:
    return cast("dict[str, Any]", asked.body) if asked is not None and isinstance(asked.body, dict) else {}


def _finished(event: StreamEvent) -> str | None:
    """The node of a task that has ended."""
    return str(event.data["name"]) if event.event == "tasks" and "result" in event.data else None


def _can_be_asked(request: ServerRequestContext[Any, Any]) -> bool:
    """A client of an older revision is asked over a connection that nobody here keeps."""
    capabilities = request.session.client_capabilities
    is_new = request.protocol_version not in HANDSHAKE_PROTOCOL_VERSIONS
    return is_new and capabilities is not None and capabilities.elicitation is not None


def _unknown(params: CallToolRequestParams) -> MCPError:
    return MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}")
