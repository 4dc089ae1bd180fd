"""Who calls: what is known of him while his request is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from ..contracts.actor import ActorContext, bind_actor
from ..contracts.auth_user import AuthUser
from ..contracts.filters import Filter
from .errors import refuse

if TYPE_CHECKING:
    from .event_values import Asked

Recheck = Callable[[], Awaitable[bool]]
"""Whether what has let the caller in still does."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as his credentials say."""

    actor: ActorContext
    user: AuthUser = field(repr=False)
    """What handlers and nodes are shown. It may hold secrets: of the authenticator's choice."""
    recheck: Recheck | None = field(default=None, repr=False)

    @property
    def permissions(self) -> Sequence[str]:
        """What the authenticator has granted."""
        return self.user.permissions


Identify = Callable[[HTTPConnection], Awaitable[Caller | None]]
"""Who calls; `None`: there are no credentials of this kind. Raises what is answered to wrong ones."""


async def identified(ways: Sequence[Identify], connection: HTTPConnection) -> Caller:
    """Who calls, as the first says who knows his credentials. Raises 401, and what one of them answers."""
    for identify in ways:
        if (caller := await identify(connection)) is not None:
            return caller
    raise HTTPException(401, "Unauthorized", headers={"WWW-Authenticate": "Bearer"})


def caller_of(user: AuthUser, recheck: Recheck | None = None) -> Caller:
    """Raises 403 for an id that no record can have."""
    try:
        return Caller(ActorContext(user_id=user.identity), user, recheck)
    except ValidationError as exc:
        raise refuse(403, f"the user's id cannot be used: {exc.errors()[0]['msg']}") from exc


def user_named(identity: str, permissions: Sequence[str] = ()) -> AuthUser:
    """Of whom no more is known than this."""
    known = {"identity": identity, "display_name": identity, "is_authenticated": True}
    return AuthUser({**known, "permissions": [*permissions]})


def bearer(connection: HTTPConnection) -> str | None:
    """The token of `Authorization: Bearer …`."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that is let in: by whom, and what of it his handlers let him see."""

    caller: Caller
    filter: Filter | None = None
    """What the metadata of a thread has to be, whoever's it is; `None`: his own."""
    store_is_his: bool = False
    """A handler of the store has seen to which of it is his."""
    translated: Asked | None = None
    """Of another protocol: what it does in the words of the API, as his handlers have left that."""


_admitted: ContextVar[Admission | None] = ContextVar("perdure_admission", default=None)


@contextmanager
def admitting(admission: Admission) -> Generator[None]:
    """While the request is answered."""
    token = _admitted.set(admission)
    try:
        yield
    finally:
        _admitted.reset(token)


def current_caller() -> Caller | None:
    """Who calls; `None` where nobody is asked."""
    admission = _admitted.get()
    return None if admission is None else admission.caller


def current_admission() -> Admission | None:
    """Of the request that is answered; `None` where nobody is asked."""
    return _admitted.get()


@contextmanager
def of_the_filter() -> Generator[Filter | None]:
    """For a search: what his handlers let him see, whoever's it is; `None`: what is his."""
    admission = _admitted.get()
    found = None if admission is None else admission.filter
    if found is None:
        yield None
        return
    with bind_actor(None):
        yield found
