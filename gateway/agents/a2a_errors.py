"""Our errors, and those of the API, as A2A has them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager
from functools import wraps
from types import CoroutineType
from typing import Any, ParamSpec, TypeVar

from a2a.utils.errors import (
    A2AError,
    InternalError,
    InvalidParamsError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from ...contracts.errors import InvalidRunError, PerdureError, RunNotFoundError, RunStateError, ThreadNotFoundError
from ..errors import detail_of, invalid

P = ParamSpec("P")
T = TypeVar("T")

_KINDS: tuple[tuple[type[PerdureError], type[A2AError]], ...] = (
    (ThreadNotFoundError, TaskNotFoundError),
    (RunNotFoundError, TaskNotFoundError),
    (InvalidRunError, InvalidParamsError),
    (RunStateError, UnsupportedOperationError),
    (PerdureError, InternalError),
)
"""The first that an error is counts."""


@contextmanager
def _as_theirs() -> Generator[None]:
    try:
        yield
    except PerdureError as exc:
        kind = next(theirs for ours, theirs in _KINDS if isinstance(exc, ours))
        raise kind(detail_of(exc)) from exc
    except HTTPException as exc:
        kind = TaskNotFoundError if exc.status_code == 404 else InvalidParamsError
        raise kind(str(exc.detail)) from exc
    except ValidationError as exc:
        raise InvalidParamsError(str(invalid(exc).detail)) from exc


def translating(function: Callable[P, CoroutineType[Any, Any, T]]) -> Callable[P, CoroutineType[Any, Any, T]]:
    """Around a request that has one answer."""

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        with _as_theirs():
            return await function(*args, **kwargs)

    return call


def translating_stream(function: Callable[P, AsyncGenerator[T]]) -> Callable[P, AsyncGenerator[T]]:
    """Around one that is answered by a stream."""

    @wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> AsyncGenerator[T]:
        with _as_theirs():
            async with aclosing(function(*args, **kwargs)) as events:
                async for event in events:
                    yield event

    return call
