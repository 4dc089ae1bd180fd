"""The door of the gateway: who calls, what he may do, and on whose behalf it is done.

A thread is its creator's, and what is another's is not found: the facade sees to that for whoever is bound as the
actor. Handlers of `Auth` may refuse a request, change it, or return a filter. A filter says instead whose threads may
be acted on: a thread whose metadata are so is acted on in its owner's name. A handler that returns none leaves what is
another's unfound.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext, suppress
from typing import Any, cast

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..contracts.actor import ActorContext, bind_actor
from ..contracts.errors import PerdureError
from ..contracts.filters import Filter
from ..facade.runs import RunsFacade
from .access_rules import Match, methods_of, rule_of
from .authorization import Authorization
from .callers import Admission, Caller, Identify, admitting, identified
from .errors import INVALID_JSON, answer_to, refuse
from .event_values import Asked, changed, prepared, values_of
from .mounting import path_of
from .replies import encode
from .sockets import GONE, SOCKET, closed_with, method_of, refused_socket
from .watching import watched


class Guard:
    """Lets in whom one of `identify` knows, to the routes that there are rules of."""

    def __init__(
        self,
        app: ASGIApp,
        runs: RunsFacade,
        identify: Sequence[Identify],
        authorization: Authorization | None = None,
    ) -> None:
        self._app = app
        self._runs = runs
        self._identify = identify
        self._authorization = authorization

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):  # a server begins and ends
            await self._app(scope, receive, send)
            return
        try:
            match = _match(scope)
            if match.rule.is_open:
                await self._app(scope, receive, send)
                return
            caller = await self._caller(scope, match)
            admitted = await self._admit(caller, match, scope, receive)
        except (HTTPException, PerdureError) as exc:
            if scope["type"] == "websocket":
                await refused_socket(exc, receive, send)
            else:
                await answer_to(exc)(scope, receive, send)
            return
        await admitted(send)
        if scope["type"] == "websocket":
            with suppress(*GONE):  # who is not let in any more is cut off
                await closed_with(send, 401, "Unauthorized")

    async def _caller(self, scope: Scope, match: Match) -> Caller:
        return await identified(self._identify, HTTPConnection({**scope, "path_params": match.values}))

    async def _admit(
        self, caller: Caller, match: Match, scope: Scope, receive: Receive
    ) -> Callable[[Send], Awaitable[None]]:
        """What answers the request. Raises what is answered instead."""
        rule, authorization = match.rule, self._authorization
        resource = rule.resource
        handler = None if authorization is None or resource is None else authorization.handler(resource, rule.action)
        if authorization is None or handler is None or resource is None:
            return self._answer(match, Admission(caller), caller.actor, scope, receive)
        is_socket = scope["type"] == "websocket"
        body = None if is_socket else await _body(receive)
        asked = prepared(Asked(match, scope["query_string"].decode("latin-1"), body))
        values = values_of(asked)
        found = [await authorization.ask(handler, caller, resource, rule.action, value) for value in values]
        asked = changed(asked, values)
        filter = next((one for one in found if one is not None), None)
        actor = caller.actor if filter is None else await self._owner(asked, filter, caller)
        admission = Admission(caller, filter, store_is_his=authorization.is_own("store", rule.action))
        if is_socket:
            return self._answer(match, admission, actor, scope, receive)
        return self._answer(match, admission, actor, {**scope, **_rewritten(asked)}, _replayed(asked, receive))

    def _answer(
        self, match: Match, admission: Admission, actor: ActorContext | None, scope: Scope, receive: Receive
    ) -> Callable[[Send], Awaitable[None]]:
        recheck = admission.caller.recheck if match.rule.is_long else None

        async def answer(send: Send) -> None:
            async with watched(recheck) if recheck is not None else nullcontext():
                with bind_actor(actor), admitting(admission):
                    await self._app(scope, receive, send)

        return answer

    async def _owner(self, asked: Asked, filter: Filter, caller: Caller) -> ActorContext | None:
        """In whose name it is done; `None`: in nobody's, to whom the thread belongs. Raises 404."""
        thread_id = await self._thread(asked)
        with bind_actor(None):
            thread = None if thread_id is None else await self._runs.get_thread(thread_id)
        if thread is None:
            return caller.actor
        if not filter.matches(thread.metadata):
            raise refuse(404, f"Thread with ID {thread_id} not found")
        return None if thread.user_id is None else ActorContext(user_id=thread.user_id)

    async def _thread(self, asked: Asked) -> str | None:
        """The thread that is acted on, if it is one."""
        values = asked.match.values
        if "thread_id" in values or asked.match.rule.resource != "threads":
            return values.get("thread_id")
        if (run_id := values.get("run_id")) is not None:
            with bind_actor(None):
                run = await self._runs.get_run(run_id)
            return None if run is None else run.thread_id
        given = cast("dict[str, Any]", asked.body).get("thread_id") if isinstance(asked.body, dict) else None
        return given if isinstance(given, str) else None


def _match(scope: Scope) -> Match:
    path, method = path_of(scope), method_of(scope)
    if (match := rule_of(method, path)) is not None:
        return match
    if (methods := methods_of(path)) and method != SOCKET:
        raise HTTPException(405, "Method Not Allowed", headers={"Allow": ", ".join(methods)})
    raise refuse(404, "Not Found")


async def _body(receive: Receive) -> Any:
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise refuse(400, "the client has left")
        parts += message.get("body", b"")
        if not message.get("more_body", False):
            break
    try:
        return orjson.loads(parts) if parts else None
    except orjson.JSONDecodeError as exc:
        raise refuse(422, INVALID_JSON) from exc


def _rewritten(asked: Asked) -> dict[str, Any]:
    return {"query_string": asked.query.encode("latin-1")}


def _replayed(asked: Asked, receive: Receive) -> Receive:
    """The body once more, as it is now; then what comes after it."""
    body = b"" if asked.body is None else encode(asked.body)
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
