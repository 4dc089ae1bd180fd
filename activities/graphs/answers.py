"""How answers reach a slice, and how what a slice says of questions fits through Temporal.

Temporal takes 2 MB, and retries a larger result for ever. What is too large goes by reference: an answer's value, and
the ids of very many questions, are in the store, and only their names cross.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Concatenate, ParamSpec

from ...contracts.answers import answers_by_id
from ...contracts.errors import PerdureError
from ...contracts.serialization.serializer import from_json, to_json
from ...contracts.wire import Answer, DeliveredAnswer, Question, SliceInput, SliceResult
from ...store.contract import ThreadStore
from ...store.exchange import StateUpdate

P = ParamSpec("P")

_PREVIEWS = 50
"""Questions whose beginnings cross Temporal; its page shows fewer."""
_IDS, _NODES = 100_000, 16_000
"""Bytes of questions without their beginnings, and of names of nodes, that cross Temporal."""
_QUESTION = 40
"""Bytes of a question beside its id."""
_JSON = "json"


class RefusedAnswerError(PerdureError):
    """An answer cannot be delivered; nothing was executed, and its question stays open."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Between the slices of a run and its answers. `kept`: where the large ones are."""

    kept: ThreadStore

    async def run(
        self,
        slice: SliceInput,
        slice_of: Callable[Concatenate[SliceInput, P], Awaitable[SliceResult]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> SliceResult:
        """Run a slice with its answers. One that is refused is a result: the question is asked again."""
        try:
            result = await slice_of(await self._given(slice), *args, **kwargs)
        except RefusedAnswerError as exc:
            return SliceResult(outcome="asks", steps=slice.steps, refused=str(exc))
        return fitting(result, by_reference=slice.asked_ref is not None)

    async def keep(self, name: str, asked: Mapping[str, int]) -> None:
        """Keep the ids of questions, each with the number of answers that its task has had. Idempotent."""
        await self.kept.put_update(name, StateUpdate(_JSON, to_json(asked)))

    async def drop(self, names: Iterable[str]) -> None:
        """What is not needed any more. Idempotent."""
        for name in names:
            await self.kept.drop_update(name)

    async def _given(self, slice: SliceInput) -> SliceInput:
        """The slice with the values of its answers."""
        if slice.given is None:
            return slice
        value = slice.given.value
        if slice.given.ref is not None:
            kept = await self.kept.get_update(slice.given.ref)
            value = Answer.model_validate_json(kept.payload).value
        asked = {answer.id: answer.answered for answer in slice.answers} or await self._asked(slice)
        try:
            values = answers_by_id(value, list(asked))
        except ValueError as exc:
            raise RefusedAnswerError(str(exc)) from exc
        answers = [DeliveredAnswer(id=id, value=one, answered=asked[id]) for id, one in values.items()]
        return slice.model_copy(update={"answers": answers})

    async def _asked(self, slice: SliceInput) -> dict[str, int]:
        if slice.asked_ref is None:
            return {}
        return dict(from_json((await self.kept.get_update(slice.asked_ref)).payload))


def fitting(result: SliceResult, *, by_reference: bool) -> SliceResult:
    """A slice's result without what is too much for Temporal. `by_reference`: the slice's answers are in the store."""
    names = [*_first(result.next, _NODES)]
    few = len([*_first((question.id for question in result.questions), _IDS)]) == len(result.questions)
    changes = {
        "next": names,
        "more": len(result.next) - len(names),
        "asked": 0 if few else len(result.questions),
        "questions": [*_previewed(result.questions)] if few else [],
        # Then all of them are looked at again, and it matters only that there are some.
        "undelivered": result.undelivered[:1] if by_reference else result.undelivered,
    }
    return result.model_copy(update=changes)


def _previewed(questions: list[Question]) -> Iterator[Question]:
    for number, question in enumerate(questions):
        yield question if number < _PREVIEWS else question.model_copy(update={"text": ""})


def _first(texts: Iterable[str], limit: int) -> Iterator[str]:
    """As many of them as are below a limit in bytes."""
    for text in texts:
        limit -= len(text.encode("utf-8", "replace")) + _QUESTION
        if limit < 0:
            return
        yield text
