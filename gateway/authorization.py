"""What an `Auth` object of LangGraph lets a caller do: its handlers, the most specific first."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from langgraph_sdk import Auth
from starlette.exceptions import HTTPException

from ..contracts.filters import Filter
from .auth_callers import answer_of, vars_of
from .callers import Caller
from .errors import refuse
from .filters import read_filter

logger = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[Any]]


class Authorization:
    """The functions under `@auth.on`."""

    def __init__(self, auth: Auth) -> None:
        self._handlers = cast("Mapping[tuple[str, str], list[Handler]]", vars_of(auth, "_handlers"))
        self._of_all = cast("list[Handler]", vars_of(auth, "_global_handlers"))

    def handler(self, resource: str, action: str) -> Handler | None:
        """The one that is asked: for exactly this, for the resource, for the action, for all."""
        for place in ((resource, action), (resource, "*"), ("*", action), ("*", "*")):
            if place in self._handlers:
                return self._handlers[place][-1]
        return self._of_all[-1] if self._of_all else None

    def is_own(self, resource: str, action: str) -> bool:
        """Whether one is meant for this resource, and not for all of them."""
        return any((resource, one) in self._handlers for one in (action, "*"))

    async def ask(
        self, handler: Handler, caller: Caller, resource: str, action: str, value: dict[str, Any]
    ) -> Filter | None:
        """What it lets be seen; `None`: it has nothing against it. It may change the value. Raises its refusal."""
        context = Auth.types.AuthContext(
            permissions=caller.permissions,
            user=cast("Any", caller.user),
            resource=cast("Any", resource),
            action=cast("Any", action),
        )
        try:
            result = await handler(ctx=context, value=value)
        except (HTTPException, Auth.exceptions.HTTPException) as exc:
            raise answer_of(exc) from exc
        except AssertionError as exc:
            raise refuse(403, str(exc) or "Forbidden") from exc
        except Exception as exc:
            logger.exception("the handler of %s.%s under @auth.on has failed", resource, action)
            raise refuse(500, "Internal Server Error") from exc
        if result is False:
            raise refuse(403, "Forbidden")
        return None if result is None or result is True else read_filter(result)
