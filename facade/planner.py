"""From a `RunSpec` to a plan: everything that can be refused is refused here, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from ..contracts.errors import InvalidRunError, nearest
from ..contracts.settings import RunSettings
from ..contracts.types import CancelAction, MultitaskStrategy, RunRecord, RunSpec, new_run_id
from ..contracts.wire import RunInput, RunLimits, Submission

_RESERVED = {
    "thread_id": "scope.thread_id",
    "checkpoint_id": "checkpoint_request",
    "checkpoint_ns": "checkpoint_request",
}
_SUMMARY_LENGTH = 100
_PREVIEW_DEPTH = 10

_NOT_YET: dict[str, Callable[[RunSpec], bool]] = {
    "multitask_strategy 'rollback'": lambda spec: spec.multitask_strategy is MultitaskStrategy.ROLLBACK,
    "webhook": lambda spec: spec.webhook is not None,
    "feedback_keys": lambda spec: bool(spec.feedback_keys),
    "on_completion": lambda spec: spec.on_completion is not None,
    "stream_resumable=False": lambda spec: not spec.stream_resumable,
    "checkpoint_request.checkpoint": lambda spec: bool(spec.checkpoint_request and spec.checkpoint_request.checkpoint),
}
"""Fields that this version does not honour. They are refused, never dropped in silence."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run, ready to be submitted."""

    spec: RunSpec
    record: RunRecord
    submission: Submission

    @property
    def run_id(self) -> str:
        """The run's id, made if the spec has none."""
        return self.record.run_id

    @property
    def alone(self) -> bool:
        """A stateless run has its thread to itself, so nothing has to admit it."""
        return self.spec.scope.kind == "stateless"

    def as_input(self) -> RunInput:
        """The input of a stateless run's workflow."""
        return RunInput(
            run_id=self.run_id,
            thread_id=self.record.thread_id,
            assistant_id=self.record.assistant_id,
            limits=self.submission.limits,
            admitted=True,
        )


class ExecutionPlanner:
    """Plans runs with the defaults of the settings."""

    def __init__(self, settings: RunSettings) -> None:
        self._settings = settings

    def plan(self, spec: RunSpec) -> RunPlan:
        """Raises `InvalidRunError`, naming the field."""
        _check(spec)
        run_id = spec.run_id or new_run_id()
        spec = spec.model_copy(update={"run_id": run_id})
        now = datetime.now(UTC)
        record = RunRecord(
            run_id=run_id,
            thread_id=spec.scope.thread_id or f"stateless-{run_id}",
            assistant_id=spec.assistant_id,
            temporary=spec.scope.temporary or spec.scope.kind == "stateless",
            multitask_strategy=spec.multitask_strategy,
            metadata=spec.metadata,
            follow_up_to_run_id=spec.follow_up_to_run_id,
            created_at=now,
            updated_at=now,
        )
        return RunPlan(spec, record, self._submission(spec, run_id))

    def _submission(self, spec: RunSpec, run_id: str) -> Submission:
        return Submission(
            run_id=run_id,
            assistant_id=spec.assistant_id,
            strategy=spec.multitask_strategy,
            limits=self._limits(spec),
            summary=" · ".join(filter(None, (spec.assistant_id, self._preview(spec)))),
        )

    def _limits(self, spec: RunSpec) -> RunLimits:
        settings = self._settings
        return RunLimits(
            slice_budget=settings.slice_budget,
            heartbeat_timeout=settings.heartbeat_timeout,
            step_timeout=spec.step_timeout or settings.step_timeout,
            run_timeout=spec.run_timeout or settings.run_timeout,
            awaiting_timeout=spec.awaiting_timeout or settings.awaiting_timeout,
            after_seconds=spec.after_seconds,
            on_interrupt=spec.on_interrupt,
            retry=spec.retry,
        )

    def _preview(self, spec: RunSpec) -> str:
        if not self._settings.preview:
            return ""
        text = next(_texts(spec.input), "").encode("utf-8", "replace").decode("utf-8")
        words = " ".join(text.split())
        return words if len(words) <= _SUMMARY_LENGTH else f"{words[: _SUMMARY_LENGTH - 1]}…"


def _check(spec: RunSpec) -> None:
    for field, used in _NOT_YET.items():
        if used(spec):
            raise InvalidRunError(f"{field} is not possible in this version of Perdure; leave it out", field=field)
    for key in spec.runnable_config:
        if key not in _CONFIG_FORMS:
            allowed = f"{nearest(key, _CONFIG_FORMS)}; allowed: {', '.join(_CONFIG_FORMS)}"
            raise InvalidRunError(f"runnable_config has an unknown key {key!r}{allowed}", field="runnable_config")
    for key, (fits, form) in _CONFIG_FORMS.items():
        if key in spec.runnable_config and not fits(spec.runnable_config[key]):
            raise InvalidRunError(f"runnable_config.{key} must be {form}", field="runnable_config")
    for key in spec.runnable_config.get("configurable", {}):
        if instead := _RESERVED.get(key):
            raise InvalidRunError(f"runnable_config.configurable.{key} is ours; use {instead}", field="runnable_config")
        if str(key).startswith("__pregel_"):
            raise InvalidRunError(f"runnable_config.configurable.{key} is LangGraph's own", field="runnable_config")


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in cast("Sequence[Any]", value))


_CONFIG_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "configurable": (_is_object, "an object"),
    "metadata": (_is_object, "an object"),
    "tags": (_is_texts, "a list of texts"),
    "recursion_limit": (_is_count, "a whole number from 1 on"),
    "max_concurrency": (_is_count, "a whole number from 1 on"),
    "run_name": (lambda value: isinstance(value, str), "a text"),
}


def check_action(action: str | CancelAction) -> CancelAction:
    """A cancel action by name. Raises `InvalidRunError`."""
    try:
        known = CancelAction(action)
    except ValueError:
        allowed = ", ".join(CancelAction)
        raise InvalidRunError(
            f"unknown cancel action {action!r}{nearest(action, CancelAction)}; allowed: {allowed}"
        ) from None
    if known is CancelAction.ROLLBACK:
        raise InvalidRunError("cancel with the action rollback is not possible in this version; use interrupt")
    return known


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts in an input, the newest message first."""
    if depth > _PREVIEW_DEPTH:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        for key in ("messages", "content", "text"):
            yield from _texts(items.get(key), depth + 1)
        yield from (text for text in items.values() if isinstance(text, str))
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for item in reversed(cast("Sequence[Any]", value)):
            yield from _texts(item, depth + 1)
    elif (content := getattr(value, "content", None)) is not None:
        yield from _texts(content, depth + 1)
