"""On whose behalf something is done.

An actor is bound to a block of code and found by everything that the block calls, tasks that it starts included. It
travels with a run: tools and observers find the actor for whom the run was created, in whatever process they execute.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Final, Literal

from pydantic import Field

from .errors import ActorRequiredError
from .identifiers import ID_MAX_LENGTH
from .types import Frozen


class ActorContext(Frozen):
    """Who acts."""

    user_id: str = Field(min_length=1, max_length=ID_MAX_LENGTH, pattern=r"^[^\x00]*$")


class _Auto(Enum):
    AUTO = "AUTO"


AUTO: Final = _Auto.AUTO
"""The default of `user_id` parameters: the bound actor's, if there is one."""

UserId = str | None | Literal[_Auto.AUTO]

_bound: ContextVar[ActorContext | None] = ContextVar("perdure_actor", default=None)


@contextmanager
def bind_actor(actor: ActorContext | str | None) -> Generator[ActorContext | None]:
    """Inside the block `actor` (or the one with this user id) acts; with `None` nobody in particular does."""
    bound = ActorContext(user_id=actor) if isinstance(actor, str) else actor
    token = _bound.set(bound)
    try:
        yield bound
    finally:
        _bound.reset(token)


def current_actor() -> ActorContext | None:
    """The bound actor, `None` outside of any."""
    return _bound.get()


def require_actor_context() -> ActorContext:
    """The bound actor. Raises `ActorRequiredError` when there is none."""
    actor = _bound.get()
    if actor is None:
        raise ActorRequiredError
    return actor


def resolve_user_id(user_id: UserId = AUTO) -> str | None:
    """A `user_id` parameter as a filter: `AUTO` is the bound actor's, `None` every user's."""
    if user_id is not AUTO:
        return user_id
    actor = _bound.get()
    return None if actor is None else actor.user_id
