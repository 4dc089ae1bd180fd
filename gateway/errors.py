"""Errors as the API has them: a status, and `{"detail": "<text>"}`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException as StarletteError
from starlette.types import Scope

from ..contracts.assistant_errors import AssistantExistsError, AssistantNotFoundError
from ..contracts.errors import (
    ActorRequiredError,
    ConfigError,
    CronNotFoundError,
    InvalidEventIdError,
    InvalidRunError,
    PerdureError,
    RunNotFoundError,
    RunStateError,
    StateUnreadableError,
    ThreadBusyError,
    ThreadExistsError,
    ThreadNotFoundError,
    UnavailableError,
)
from .replies import Json

logger = logging.getLogger(__name__)

BUSY = "Thread is already running a task. Wait for it to finish or choose a different multitask strategy."
TWICE = (
    "Cannot specify both configurable and context. Prefer setting context alone. Context was introduced in LangGraph "
    "0.6.0 and is the long term planned replacement for configurable."
)
INVALID_JSON = "Invalid JSON in request body"

_STATUSES: dict[type[PerdureError], int] = {
    ThreadNotFoundError: 404,
    RunNotFoundError: 404,
    AssistantNotFoundError: 404,
    CronNotFoundError: 404,
    AssistantExistsError: 409,
    ThreadExistsError: 409,
    ThreadBusyError: 409,
    RunStateError: 409,
    InvalidEventIdError: 400,
    InvalidRunError: 422,
    ActorRequiredError: 401,
    StateUnreadableError: 503,
    UnavailableError: 503,
    ConfigError: 500,
    PerdureError: 500,
}
"""The first that an error is counts."""


def status_of(error: PerdureError) -> int:
    """The status of an answer that says this."""
    return next(status for kind, status in _STATUSES.items() if isinstance(error, kind))


def detail_of(error: PerdureError) -> str:
    """Clients know some of the reference's texts."""
    if isinstance(error, ThreadNotFoundError):
        return f"Thread with ID {error.thread_id} not found"
    if isinstance(error, ThreadExistsError):
        return f"Thread with ID {error.thread_id} already exists"
    if isinstance(error, AssistantExistsError):
        return f"Assistant {error.assistant_id} already exists"
    if isinstance(error, AssistantNotFoundError) and error.version is not None:
        return f"Version {error.version} not found for assistant {error.assistant_id}"
    if isinstance(error, AssistantNotFoundError):
        return f"Assistant with ID {error.assistant_id} not found"
    if isinstance(error, CronNotFoundError):
        return f"Cron {error.cron_id!r} not found"
    if isinstance(error, ThreadBusyError):
        return BUSY
    if isinstance(error, RunNotFoundError):
        return f"Run with ID {error.run_id} not found"
    return str(error)


def refuse(status: int, detail: str) -> HTTPException:
    """What a handler raises."""
    return HTTPException(status, detail)


def invalid(error: ValidationError, names: Mapping[str, str] | None = None) -> HTTPException:
    """What a handler raises for fields that do not fit together. `names`: those of the API, where it has others."""
    known = names or {}
    told = ((".".join(known.get(str(part), str(part)) for part in one["loc"]), one) for one in error.errors())
    return refuse(422, "; ".join(f"{place or 'body'}: {_message(one)}" for place, one in told))


def unknown_graph(name: str, known: Iterable[str]) -> HTTPException:
    """What a handler raises where a graph is named by itself."""
    return refuse(404, f"Graph {name!r} not found. Expected one of: {sorted(known)}")


def answer_to(error: StarletteError | PerdureError) -> Response:
    """What is said to a request that comes to no handler."""
    if isinstance(error, PerdureError):
        return Json({"detail": detail_of(error)}, status_code=status_of(error))
    return Json({"detail": str(error.detail)}, status_code=error.status_code, headers=error.headers)


def add_handlers(app: FastAPI) -> None:
    """All that can be raised in a handler, in one form."""
    app.add_exception_handler(PerdureError, _perdure)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteError, _http)
    app.add_exception_handler(Exception, _unforeseen)


def refused(scope: Scope, error: StarletteError | PerdureError) -> Response:
    """What is said to a request that came to its handler."""
    if isinstance(error, PerdureError) and status_of(error) >= 500:
        logger.warning("%s %s: %s", scope["method"], scope["path"], error)
    return answer_to(error)


def _perdure(request: Request, error: Exception) -> Response:
    assert isinstance(error, PerdureError)
    return refused(request.scope, error)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return Json({"detail": "; ".join(_told(error.errors()))}, status_code=422)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteError)
    return answer_to(error)


def _unforeseen(request: Request, error: Exception) -> Response:
    # Its text is for the log: it may hold what is nobody else's business.
    return Json({"detail": "Internal Server Error"}, status_code=500)


def _message(error: Any) -> str:
    return str(error["msg"]).removeprefix("Value error, ")


def _told(errors: Iterable[Any]) -> Iterable[str]:
    for error in errors:
        place, message = error["loc"], _message(error)
        if error["type"] == "json_invalid" or (error["type"] == "missing" and place == ("body",)):
            yield INVALID_JSON
        elif place[0] == "path":
            yield message
        else:
            yield f"{'.'.join(map(str, place[1:])) or place[0]}: {message}"
