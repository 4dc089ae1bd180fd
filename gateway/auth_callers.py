"""Callers as an `Auth` object of LangGraph says who they are."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

from langgraph_sdk import Auth
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from ..contracts.auth_user import AuthUser
from ..contracts.errors import ConfigError
from .callers import Caller, caller_of, user_named
from .errors import refuse

logger = logging.getLogger(__name__)

_GIVEN: Mapping[str, Callable[[HTTPConnection], Any]] = {
    "request": lambda connection: Request(connection.scope),
    "path": lambda connection: connection.scope["path"],
    "method": lambda connection: connection.scope["method"],
    "path_params": lambda connection: connection.scope.get("path_params", {}),
    "query_params": lambda connection: QueryParams(connection.scope.get("query_string", b"")),
    "headers": lambda connection: dict(connection.scope["headers"]),
    "authorization": lambda connection: connection.headers.get("authorization"),
    "scope": lambda connection: connection.scope,
}
"""What an authenticator may ask for, by the names of its parameters."""


class AuthCallers:
    """By the function under `@auth.authenticate`. It comes last, so who it does not let in is let in by nobody."""

    def __init__(self, auth: Auth) -> None:
        """Raises `ConfigError` for an object without such a function, or with one that wants what there is not."""
        found = cast("Callable[..., Any] | None", vars_of(auth, "_authenticate_handler"))
        if found is None:
            raise ConfigError("auth: the Auth object has no function under @auth.authenticate, so nobody could call")
        self._function = found
        self._is_async = inspect.iscoroutinefunction(found)
        self._names = _names(found)

    async def __call__(self, connection: HTTPConnection) -> Caller | None:
        given = {name: _GIVEN[name](connection) for name in self._names}
        try:
            found = await (self._function(**given) if self._is_async else asyncio.to_thread(self._function, **given))
        except (HTTPException, Auth.exceptions.HTTPException) as exc:
            raise answer_of(exc) from exc
        except Exception as exc:
            logger.exception("the function under @auth.authenticate has failed")
            raise refuse(500, "Internal Server Error") from exc
        if found is None:
            raise refuse(401, "Unauthorized")
        return caller_of(_user(found))


def vars_of(auth: Auth, name: str) -> Any:
    """The SDK says of these names that they are there for servers, and do not change."""
    return getattr(auth, name)


def answer_of(error: HTTPException | Auth.exceptions.HTTPException) -> HTTPException:
    """What a handler has raised, as it is answered."""
    return HTTPException(error.status_code, error.detail, headers=dict(error.headers) if error.headers else None)


def _names(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters
    unknown = [one.name for one in parameters.values() if one.name not in _GIVEN and _is_wanted(one)]
    if unknown:
        raise ConfigError(
            f"auth: the function under @auth.authenticate wants {', '.join(unknown)}; there are {', '.join(_GIVEN)}"
        )
    return [name for name in parameters if name in _GIVEN]


def _is_wanted(parameter: inspect.Parameter) -> bool:
    """It has no default, or FastAPI is to find it, which nobody asks here."""
    return parameter.default is parameter.empty or type(parameter.default).__name__ == "Depends"


def _user(found: Any) -> AuthUser:
    """Of a name, a dictionary, an object with an identity; or of permissions and one of these."""
    if isinstance(found, tuple):
        permissions, found = cast("tuple[Any, Any]", found)
        return AuthUser({**_user(found), "permissions": [*permissions]})
    fields = {"identity": found} if isinstance(found, str) else _fields(found)
    if not isinstance(fields.get("identity"), str):
        logger.error("the function under @auth.authenticate has returned a %s without identity", type(found).__name__)
        raise refuse(500, "Internal Server Error")
    return AuthUser({**user_named(fields["identity"]), **fields})


_OF_OBJECTS = ("identity", "display_name", "is_authenticated", "permissions")


def _fields(found: Any) -> dict[str, Any]:
    if isinstance(found, Mapping):
        return dict(cast("Mapping[str, Any]", found))
    shown = {name: getattr(found, name) for name in _OF_OBJECTS if hasattr(found, name)}
    for name in ("model_dump", "dict"):
        if callable(dump := getattr(found, name, None)):
            return {**cast("dict[str, Any]", dump()), **shown}
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return {**dataclasses.asdict(found), **shown}
    return shown
