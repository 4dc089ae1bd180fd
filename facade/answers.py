"""An answer on its way to a run: by itself when it is small, by reference when Temporal could not carry it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from pydantic_core import PydanticSerializationError

from ..contracts.answers import answers_by_id
from ..contracts.errors import InvalidRunError, NoWorkerError, RunStateError, UnavailableError
from ..contracts.wire import Answer
from ..store.contract import Store
from ..store.exchange import StateUpdate

_LARGEST = 32_000_000
"""Bytes of JSON. What a run is given has to fit into its checkpoints, and into a worker's memory several times."""
_BY_REFERENCE = 64_000
"""Bytes of JSON from which an answer crosses Temporal as a name: it would be in the history more than once."""
_MOST_KEYS = 200_000
"""Characters. A workflow has the ids of its questions only where they are fewer."""


class FacadeAnswer:
    """What a human has answered. Raises `InvalidRunError` for what has no form in JSON, or is too large."""

    def __init__(self, store: Store, run_id: str, value: Any) -> None:
        self._store = store
        self._run_id = run_id
        self._value = value
        self._payload = _json(value)

    @asynccontextmanager
    async def sendable(self) -> AsyncGenerator[Answer]:
        """The answer in the form that its workflow takes. Raises `RunStateError` when it fits no question."""
        if len(self._payload) < _BY_REFERENCE:
            yield Answer(value=self._value)
            return
        await self._check()
        ref = f"{self._run_id}/answer/{uuid.uuid4()}"
        await self._store.threads.put_update(ref, StateUpdate("json", self._payload))
        try:
            yield Answer(value=_keys(self._value), ref=ref, checked=True)
        except (NoWorkerError, UnavailableError):
            raise  # it may have been taken; it goes with the end of its run
        except Exception:
            await self._store.threads.drop_update(ref)
            raise

    async def checked(self, answer: Answer) -> Answer:
        """The same, for a workflow that does not have its questions. Raises `RunStateError` when it fits none."""
        await self._check()
        return answer.model_copy(update={"checked": True})

    async def _check(self) -> None:
        asked = (await self._store.get_result(self._run_id)).interrupts
        if all(isinstance(one.value, Mapping) and "breakpoint" in one.value for one in asked):
            return  # any answer lets a run pass; and that it does not wait, its workflow says
        try:
            answers_by_id(self._value, [one.id for one in asked])
        except ValueError as exc:
            raise RunStateError(self._run_id, str(exc)) from exc


def _json(value: Any) -> bytes:
    try:
        payload = Answer(value=value).model_dump_json(include={"value"}).encode()
    except (PydanticSerializationError, ValueError) as exc:
        raise InvalidRunError(f"an answer must have a form in JSON: {exc}", field="value") from exc
    if len(payload) > _LARGEST:
        raise InvalidRunError(
            f"the answer is {len(payload):,} bytes of JSON, and a run takes {_LARGEST:,}: keep it elsewhere and "
            "answer with its address",
            field="value",
        )
    return payload


def _keys(value: Any) -> Any:
    """By its keys a workflow tells which of its questions are answered. It has none when they are that many."""
    keys = dict.fromkeys(map(str, cast("Mapping[str, Any]", value))) if isinstance(value, Mapping) else None
    return None if keys is None or sum(map(len, keys)) > _MOST_KEYS else keys
