"""The door of the gateway: who calls, what he may do, and on whose behalf it is done.

A thing is its creator's, and what is another's is not found: the facade sees to that for whoever is bound as the
actor. Handlers of `Auth` may refuse a request, change it, or return a filter. A filter says instead whose threads,
crons and assistants may be acted on: one whose metadata are so is acted on in its owner's name. A handler that
returns none leaves what is another's unfound.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from ..contracts.actor import ActorContext, bind_actor
from ..contracts.errors import PerdureError
from ..contracts.filters import Filter
from ..facade.runs import RunsFacade
from .access_rules import Match, Rule, methods_of
from .authorization import Authorization, Handler
from .callers import Admission, Caller, Identify, admitting, identified
from .errors import INVALID_JSON, answer_to, refuse
from .event_values import Asked, changed, prepared, values_of
from .long_answers import surround
from .mounting import match_of, path_of
from .owners import owned
from .replies import encode
from .request_bodies import read_body, replayed
from .sockets import GONE, SOCKET, closed_with, method_of, refused_socket
from .translation import Translate
from .watching import watched


class Guard:
    """Lets in whom one of `identify` knows, to the routes that there are rules of."""

    def __init__(
        self,
        app: ASGIApp,
        runs: RunsFacade,
        identify: Sequence[Identify],
        authorization: Authorization | None = None,
        translations: Mapping[str, Translate] | None = None,
    ) -> None:
        """`translations`: of the routes of other protocols, by their paths."""
        self._app = app
        self._runs = runs
        self._identify = identify
        self._authorization = authorization
        self._translations = translations or {}

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
        if self._authorization is None:
            return self._answer(match, Admission(caller), caller.actor, scope, receive)
        if match.rule.is_translated:
            return await self._admit_translated(self._authorization, caller, match, scope, receive)
        if match.rule.resource is None or self._handler(self._authorization, match.rule) is None:
            return self._answer(match, Admission(caller), caller.actor, scope, receive)
        is_socket = scope["type"] == "websocket"
        body = None if is_socket else _loaded(await read_body(receive))
        asked = Asked(match, scope["query_string"].decode("latin-1"), body)
        admission, actor, asked = await self._allowed(self._authorization, caller, asked)
        if is_socket:
            return self._answer(match, admission, actor, scope, receive)
        body = b"" if asked.body is None else encode(asked.body)
        return self._answer(match, admission, actor, {**scope, **_rewritten(asked)}, replayed(body, receive))

    async def _admit_translated(
        self, authorization: Authorization, caller: Caller, match: Match, scope: Scope, receive: Receive
    ) -> Callable[[Send], Awaitable[None]]:
        """Its handler finds what it does beside its own body, which stays as it is."""
        asked: Asked | None = None
        body = await read_body(receive)
        with bind_actor(caller.actor), suppress(orjson.JSONDecodeError):  # what is broken, its handler refuses
            asked = self._translations[match.rule.path](match.values, orjson.loads(body))
        admission, actor = Admission(caller), caller.actor
        if asked is not None:
            admission, actor, asked = await self._allowed(authorization, caller, asked)
            admission = replace(admission, translated=asked)
        return self._answer(match, admission, actor, scope, replayed(body, receive))

    async def _allowed(
        self, authorization: Authorization, caller: Caller, asked: Asked
    ) -> tuple[Admission, ActorContext | None, Asked]:
        """Who lets it in, in whose name it is done, and as what."""
        rule = asked.match.rule
        handler = self._handler(authorization, rule)
        if handler is None:
            return Admission(caller), caller.actor, asked
        asked = prepared(asked)
        values = values_of(asked)
        found = [await authorization.ask(handler, caller, str(rule.resource), rule.action, value) for value in values]
        asked = changed(asked, values)
        filter = next((one for one in found if one is not None), None)
        actor = caller.actor if filter is None else await self._owner(asked, filter, caller)
        return Admission(caller, filter, store_is_his=authorization.is_own("store", rule.action)), actor, asked

    def _handler(self, authorization: Authorization, rule: Rule) -> Handler | None:
        return None if rule.resource is None else authorization.handler(rule.resource, rule.action)

    def _answer(
        self, match: Match, admission: Admission, actor: ActorContext | None, scope: Scope, receive: Receive
    ) -> Callable[[Send], Awaitable[None]]:
        recheck = admission.caller.recheck if match.rule.is_long else None

        @asynccontextmanager
        async def on_behalf() -> AsyncGenerator[None]:
            async with watched(recheck) if recheck is not None else nullcontext():
                with bind_actor(actor), admitting(admission):
                    yield

        async def answer(send: Send) -> None:
            async with on_behalf():
                await self._app(scope, receive, send)
            surround(scope, on_behalf)

        return answer

    async def _owner(self, asked: Asked, filter: Filter, caller: Caller) -> ActorContext | None:
        """In whose name it is done; `None`: in nobody's, to whom the thing belongs. Raises 404."""
        with bind_actor(None):
            found = await owned(self._runs, asked)
        if found is None:
            return caller.actor
        if not filter.matches(found.metadata):
            raise refuse(404, found.detail)
        return None if found.user_id is None else ActorContext(user_id=found.user_id)


def _match(scope: Scope) -> Match:
    if (match := match_of(scope)) is not None:
        return match
    if (methods := methods_of(path_of(scope))) and method_of(scope) != SOCKET:
        raise HTTPException(405, "Method Not Allowed", headers={"Allow": ", ".join(methods)})
    raise refuse(404, "Not Found")


def _loaded(body: bytes) -> Any:
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError as exc:
        raise refuse(422, INVALID_JSON) from exc


def _rewritten(asked: Asked) -> dict[str, Any]:
    return {"query_string": asked.query.encode("latin-1")}
