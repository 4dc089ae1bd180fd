"""From what a client has sent to a `RunSpec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from ..contracts.auth_user import AUTH_KEYS, AUTH_PERMISSIONS, AUTH_USER, AUTH_USER_ID
from ..contracts.serialization import to_json
from ..contracts.serialization.serializer import from_json
from ..contracts.types import CheckpointRequest, MultitaskStrategy, RunCommand, RunScope, RunSpec, StreamMode
from .assistant_views import record_of
from .callers import current_caller
from .graph_names import Chosen
from .run_bodies import ApiMode, RunCreate, RunCreateStateless
from .run_headers import wanted_headers

API = "langgraph_api"
"""The annotation that has the request of a run."""

_OURS: dict[ApiMode, str] = {"messages-tuple": "messages"}
_MODES: tuple[ApiMode, ...] = ("values",)
_PATH_RULES = ("thread_id", "checkpoint_id", "checkpoint_ns", "checkpoint_map", "run_id")
"""Keys of `configurable` that clients send, and that the path and other fields say. (LangGraph takes a `run_id` there
for the sign that an input was applied already.)"""

_NOT_SAID = (*_PATH_RULES, *AUTH_KEYS)


def run_spec(
    body: RunCreateStateless,
    chosen: Chosen,
    run_id: str | None,
    thread_id: str | None,
    of_thread: Mapping[str, Any] | None = None,
) -> RunSpec:
    """A `thread_id` of `None`: a run without a thread. `of_thread`: the metadata of its thread.

    What the assistant says, the body says over it, as LangGraph has it: each key of the config, of its `configurable`,
    of the context and of the metadata by itself.

    Raises pydantic's errors.
    """
    on_thread = body if isinstance(body, RunCreate) else RunCreate(assistant_id=chosen.graph)
    own = thread_metadata(body, chosen)
    command = None if body.command is None or body.command.is_empty else body.command
    return RunSpec(
        assistant_id=chosen.graph,
        run_id=run_id,
        scope=RunScope(kind="stateless") if thread_id is None else RunScope(thread_id=thread_id),
        input=None if command is not None else body.input,
        command=None
        if command is None
        else RunCommand(resume=command.resume, update=command.update, goto=_nodes(command.goto)),
        runnable_config=_config(body, chosen),
        context=_context(body, chosen),
        metadata={**record_of(chosen).metadata, **(of_thread or {}), **own},
        # A thread that begins with its run has all of it.
        thread_metadata=own if thread_id is None else _names(chosen),
        annotations={API: body.model_dump(mode="json", include=_KEPT, exclude_none=True)},
        stream_modes=_stream_modes(body),
        stream_subgraphs=bool(body.stream_subgraphs),
        on_disconnect=body.on_disconnect or "continue",
        on_completion=(body.on_completion or "delete") if thread_id is None else None,
        multitask_strategy=on_thread.multitask_strategy or MultitaskStrategy.ENQUEUE,
        interrupt_before=_at(body.interrupt_before),
        interrupt_after=_at(body.interrupt_after),
        checkpoint_request=_checkpoint(on_thread),
        webhook=body.webhook,
        after_seconds=body.after_seconds or 0.0,
        durability=body.durability or ("exit" if body.checkpoint_during is False else None),
        on_interrupt="finish",
    )


_KEPT = {
    "assistant_id",
    "stream_mode",
    "stream_subgraphs",
    "stream_resumable",
    "config",
    "feedback_keys",
    "langsmith_tracer",
    "checkpoint_during",
    "if_not_exists",
}
"""What the spec does not say as the client said it."""


def modes_of(body: RunCreateStateless) -> tuple[ApiMode, ...]:
    """None are as good as the default."""
    return tuple(body.stream_mode or _MODES)


def asked_modes(spec: RunSpec) -> tuple[str, ...]:
    """The modes in which a run's stream was wanted: as its client said it, or its Python program."""
    asked = spec.annotations.get(API)
    if asked is not None:
        return tuple(asked.get("stream_mode") or _MODES)
    return tuple("messages-tuple" if mode == "messages" else mode for mode in spec.stream_modes)


def thread_metadata(body: RunCreateStateless, chosen: Chosen) -> dict[str, Any]:
    """What a thread that is made for a run is known by, and the run, too."""
    given = (body.config.metadata if body.config is not None else None) or {}
    return {**given, **(body.metadata or {}), **_names(chosen)}


def _names(chosen: Chosen) -> dict[str, Any]:
    return {"graph_id": chosen.graph, "assistant_id": chosen.id}


def _config(body: RunCreateStateless, chosen: Chosen) -> dict[str, Any]:
    of_assistant = record_of(chosen).config
    given = {} if body.config is None else body.config.model_dump(exclude_none=True)
    context = cast("dict[str, Any]", body.context) if isinstance(body.context, dict) else dict[str, Any]()
    configurable = {**_own(of_assistant.get("configurable", {})), **_own(context), **own_configurable(body)}
    return {**of_assistant, **given, "configurable": {**configurable, **_names(chosen), **wanted_headers(), **_user()}}


def own_configurable(body: RunCreateStateless) -> dict[str, Any]:
    """What a client says in its config to its graph."""
    return _own((body.config.configurable if body.config is not None else None) or {})


def _own(configurable: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in configurable.items() if key not in _NOT_SAID and not key.startswith("__")}


def _context(body: RunCreateStateless, chosen: Chosen) -> Any:
    of_assistant = record_of(chosen).context
    if body.context is None:
        return of_assistant or None
    return {**of_assistant, **cast("dict[str, Any]", body.context)} if isinstance(body.context, dict) else body.context


def _user() -> dict[str, Any]:
    """Who asks for the run, as its nodes find him. It goes where the spec goes, and is shown to nobody else."""
    caller = current_caller()
    if caller is None:
        return {}
    user = from_json(to_json(dict(caller.user)))
    return {AUTH_USER: user, AUTH_USER_ID: caller.user.identity, AUTH_PERMISSIONS: user["permissions"]}


def _checkpoint(body: RunCreate) -> CheckpointRequest | None:
    configurable = body.config.configurable if body.config is not None else None
    checkpoint_id = body.checkpoint_id or (configurable or {}).get("checkpoint_id")
    if body.checkpoint is not None and body.checkpoint.checkpoint_id is not None:
        return CheckpointRequest(checkpoint_id=body.checkpoint.checkpoint_id)
    return None if checkpoint_id is None else CheckpointRequest(checkpoint_id=str(checkpoint_id))


def _stream_modes(body: RunCreateStateless) -> tuple[StreamMode, ...]:
    return cast("tuple[StreamMode, ...]", tuple(dict.fromkeys(_OURS.get(mode, mode) for mode in modes_of(body))))


def _at(nodes: list[str] | Literal["*"] | None) -> tuple[str, ...] | Literal["*"]:
    return "*" if nodes == "*" else tuple(nodes or ())


def _nodes(goto: Any) -> str | tuple[str, ...]:
    return goto if isinstance(goto, str) else tuple(goto or ())
