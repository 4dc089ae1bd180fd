"""What `run.start` and `input.respond` ask for, as the body of a run. Raises `Unfit`, which names the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from ...contracts.types import RunInterrupt
from ..errors import invalid
from ..json_values import list_of, object_of
from ..run_bodies import ApiMode, RunCreate
from .bodies import Unfit

Fields = Mapping[str, Any]

_MODES: tuple[ApiMode, ...] = ("values", "updates", "messages-tuple", "custom", "tasks", "checkpoints")
"""What a run tells, unless it is said. Beside it, of its tools, its beginning, its questions and its end."""
_ALSO = ("messages", "tools", "lifecycle", "input")
"""Names of channels, where modes are named."""
_TAKEN = (
    *("assistant_id", "input", "config", "metadata", "context", "durability", "checkpoint_during", "webhook"),
    *("interrupt_before", "interrupt_after", "langsmith_tracer", "feedback_keys", "after_seconds"),
    *("checkpoint", "checkpoint_id", "multitask_strategy", "if_not_exists"),
)
_REFUSED = {
    "on_disconnect": ("continue", "a run is not bound to a connection: stop it by POST …/runs/{run_id}/cancel"),
    "on_completion": ("keep", "a run on a thread keeps it"),
    "stream_resumable": (True, "each stream is"),
    "command": (None, "say `update` and `goto` as they are, and answer by input.respond"),
}
"""Fields of other calls: the one value that they may have here, and why."""
_TRACER = ("project_name", "example_id")


def start_of(params: Fields, asked: Sequence[RunInterrupt]) -> RunCreate:
    """`asked`: the questions that are open on its thread."""
    if not isinstance(params.get("assistant_id"), str) or not params["assistant_id"]:
        raise Unfit("run.start requires an assistant_id.")
    _check(params)
    given: dict[str, Any] = {name: params[name] for name in _TAKEN if params.get(name) is not None}
    if (strategy := _strategy(params)) is not None:
        given["multitask_strategy"] = strategy
    return _body({**given, **_command(params, asked)}, params)


def answer_of(params: Fields, assistant_id: str, answers: Fields) -> RunCreate:
    """The answers to questions, by their ids."""
    command = {"resume": {**answers}, **_given(params, "update", "goto")}
    return _body({"assistant_id": assistant_id, "command": command, **_given(params, "config", "metadata")}, params)


def is_new_turn(params: Fields) -> bool:
    """Whether its input is none to an open question: there is none, or it begins at a checkpoint."""
    configurable = _configurable(params)
    return (
        params.get("input") is None
        or params.get("checkpoint_id") is not None
        or params.get("checkpoint") is not None
        or configurable.get("checkpoint_id") is not None
    )


def _command(params: Fields, asked: Sequence[RunInterrupt]) -> dict[str, Any]:
    more, input = _given(params, "update", "goto"), params.get("input")
    if asked and not is_new_turn(params):
        return {"input": None, "command": {"resume": _resume(input, asked), **more}}
    if more and input is not None:
        raise Unfit(f"{' and '.join(more)}: not beside an input, unless it answers a question")
    return {"command": more} if more else {}


def _resume(input: Any, asked: Sequence[RunInterrupt]) -> Any:
    """To the one question that is open; to several, by their ids."""
    open_ids = {one.id for one in asked}
    if (answers := object_of(input)) and open_ids.issuperset(answers):
        return answers
    if len(asked) == 1:
        return {asked[0].id: input}
    ids = ", ".join(one.id for one in asked)
    raise Unfit(
        f"input: {len(asked)} questions are open ({ids}): answer by input.respond, or by an object of their ids"
    )


def _check(params: Fields) -> None:
    for name, (allowed, why) in _REFUSED.items():
        if params.get(name) not in (None, allowed):
            raise Unfit(f"{name}: {why}")
    checkpoint_id = _configurable(params).get("checkpoint_id")
    if checkpoint_id is not None and (not isinstance(checkpoint_id, str) or not checkpoint_id.strip()):
        raise Unfit("config.configurable.checkpoint_id must be a non-empty string.")
    if unknown := sorted(object_of(params.get("langsmith_tracer")).keys() - set(_TRACER)):
        raise Unfit(f"langsmith_tracer has unsupported fields: {unknown}.")


def _strategy(params: Fields) -> Any:
    """Clients say it in both spellings."""
    said = {str(one) for name in ("multitaskStrategy", "multitask_strategy") if (one := params.get(name)) is not None}
    if len(said) > 1:
        raise Unfit(f"multitaskStrategy and multitask_strategy: not two different ones ({', '.join(sorted(said))})")
    return next(iter(said), None)


def _configurable(params: Fields) -> Fields:
    return object_of(object_of(params.get("config")).get("configurable"))


def _given(params: Fields, *names: str) -> dict[str, Any]:
    return {name: params[name] for name in names if params.get(name) is not None}


def _body(given: Fields, params: Fields) -> RunCreate:
    """Without subgraphs if that is said; a thread that is not there is made."""
    subgraphs = params.get("stream_subgraphs")
    whole = {"if_not_exists": "create", **given, "stream_subgraphs": True if subgraphs is None else subgraphs}
    try:
        return RunCreate.model_validate({**whole, "stream_mode": _modes(params.get("stream_mode"))})
    except ValidationError as exc:
        raise Unfit(str(invalid(exc).detail)) from exc


def _modes(given: Any) -> list[Any]:
    if given is None:
        return [*_MODES]
    listed = list_of(given) or [given]
    modes = ["messages-tuple" if one == "messages" else one for one in listed]
    return [one for one in modes if one not in _ALSO] or ["values"]


def wants_tools(params: Fields) -> bool:
    """Whether the run is to tell of its tools by themselves."""
    given = params.get("stream_mode")
    return given is None or given == "tools" or "tools" in list_of(given)
