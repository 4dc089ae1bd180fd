"""A run is created, whichever way its client wants to hear of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from ..contracts.actor import resolve_user_id
from ..contracts.errors import InvalidRunError
from ..contracts.threads import ThreadRecord
from ..contracts.types import RunSpec
from ..facade.runs import RunsFacade
from .errors import refuse
from .graph_names import Chosen, chosen_assistant
from .ids import repeated_run_id
from .reading import shown
from .run_bodies import RunCreate, RunCreateStateless
from .run_specs import run_spec, thread_metadata


async def planned(runs: RunsFacade, body: RunCreateStateless, thread_id: str | None, key: str | None) -> RunSpec:
    """The spec of a run whose thread is there. Raises 400, 404 and 422, with nothing started.

    `key`: the idempotency key. Of the same key the same run is made, and only once.
    """
    check_context(body)
    chosen = await chosen_assistant(runs, body.assistant_id)
    run_id = repeated_run_id(key, resolve_user_id(), thread_id)
    if thread_id is None or not isinstance(body, RunCreate):
        return spec_of(body, chosen, run_id, thread_id)
    thread = await runs.get_thread(thread_id)
    spec = spec_of(body, chosen, run_id, thread_id, None if thread is None else thread.metadata)
    await _check_thread(runs, body, chosen, thread_id, thread)
    await _check_checkpoint(runs, spec, thread_id)
    return spec


def spec_of(
    body: RunCreateStateless,
    chosen: Chosen,
    run_id: str | None,
    thread_id: str | None,
    of_thread: Mapping[str, Any] | None = None,
) -> RunSpec:
    try:
        return run_spec(body, chosen, run_id, thread_id, of_thread)
    except ValidationError as exc:
        told = (f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['msg']}" for one in exc.errors())
        raise refuse(422, "; ".join(told)) from exc


def check_context(body: RunCreateStateless) -> None:
    """They are two names of the same. Raises 400."""
    configurable: dict[str, Any] = (body.config.configurable if body.config is not None else None) or {}
    own = {key: value for key, value in configurable.items() if key not in ("thread_id", "checkpoint_id")}
    if body.context and own:
        raise refuse(400, "Cannot specify both configurable and context. Prefer setting context alone.")


async def _check_thread(
    runs: RunsFacade, body: RunCreate, chosen: Chosen, thread_id: str, thread: ThreadRecord | None
) -> None:
    resumes = body.command is not None and body.command.resume is not None
    if resumes and (thread is None or thread.assistant_id is None):
        raise refuse(400, "command.resume: nothing has run on this thread that could have asked")
    if thread is not None:
        return
    if body.if_not_exists != "create":
        raise refuse(404, "Thread or assistant not found.")
    await runs.create_thread(thread_id, metadata=thread_metadata(body, chosen), if_exists="do_nothing")


async def _check_checkpoint(runs: RunsFacade, spec: RunSpec, thread_id: str) -> None:
    request = spec.checkpoint_request
    if request is not None and await shown(runs, thread_id, request.checkpoint_id) is None:
        raise InvalidRunError(f"checkpoint_id: thread {thread_id} has no checkpoint {request.checkpoint_id}")
