"""LangGraph's store, which nodes have too: `/store`."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from langgraph.store.base import BaseStore, Item
from pydantic import AfterValidator, Field

from .bodies import MOST, Body
from .callers import current_admission
from .context import Runs
from .errors import refuse
from .replies import Json, moment

router = APIRouter(tags=["Store"])

_PAGE = 10
_NAMESPACES = 100


def _labels(labels: list[str]) -> list[str]:
    if wrong := [label for label in labels if not label or "." in label]:
        raise ValueError(f"the label {wrong[0]!r} is empty or has a period in it")
    return labels


def _some(labels: list[str]) -> list[str]:
    if not labels:
        raise ValueError("a namespace has one label or more")
    return labels


Labels = Annotated[list[str], AfterValidator(_labels)]
Namespace = Annotated[Labels, AfterValidator(_some)]


class ItemPut(Body):
    """An item to be kept."""

    namespace: Namespace
    key: str = Field(min_length=1)
    value: dict[str, Any]
    index: list[str] | Literal[False] | None = None
    ttl: float | None = Field(default=None, gt=0)
    """Minutes."""


class ItemDelete(Body):
    """An item that is not needed any more."""

    namespace: Namespace
    key: str = Field(min_length=1)


class ItemSearch(Body):
    """Which items."""

    namespace_prefix: Labels = Field(default_factory=list[str])
    filter: dict[str, Any] | None = None
    limit: int | None = Field(default=None, ge=1, le=MOST)
    offset: int | None = Field(default=None, ge=0)
    query: str | None = None
    refresh_ttl: bool | None = None


class NamespaceSearch(Body):
    """Which namespaces."""

    prefix: Labels | None = None
    suffix: Labels | None = None
    max_depth: int | None = Field(default=None, ge=1)
    limit: int | None = Field(default=None, ge=1, le=MOST)
    offset: int | None = Field(default=None, ge=0)


def _store(runs: Runs, namespace: Sequence[str] | None) -> BaseStore:
    """It knows no users: a user has the namespaces that begin with his id, unless a handler of the store says which.

    Raises 403 for others.
    """
    admission = current_admission()
    if admission is None or admission.store_is_his:
        return runs.store
    user_id = admission.caller.actor.user_id
    if not namespace or namespace[0] != user_id:
        raise refuse(403, f"the namespace is not yours: yours begin with {user_id!r}")
    return runs.store


def _filter(asked: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """With what a handler of the store wants items to have. Raises 500 for what stores cannot look for."""
    admission = current_admission()
    if admission is None or admission.filter is None or not admission.store_is_his:
        return None if asked is None else dict(asked)
    if any(condition.op != "eq" for condition in admission.filter.all):
        raise refuse(500, "a handler of store.search has returned a filter with more than equalities")
    both = dict(asked or {})
    for condition in admission.filter.all:
        if both.setdefault(condition.key, condition.values[0]) != condition.values[0]:
            raise refuse(403, f"filter.{condition.key}: this value is not yours to look for")
    return both


@contextmanager
def _refused() -> Generator[None]:
    """What a back end cannot do: a `ttl`, an operator of a filter."""
    try:
        yield
    except (ValueError, NotImplementedError) as exc:
        raise refuse(422, str(exc) or type(exc).__name__) from exc


@router.put("/store/items", status_code=204)
async def put_item(body: ItemPut, runs: Runs) -> Response:
    """Keep an item, in place of one that has its key."""
    how: dict[str, Any] = {} if body.ttl is None else {"ttl": body.ttl}
    with _refused():
        await _store(runs, body.namespace).aput(tuple(body.namespace), body.key, body.value, body.index, **how)
    return Response(status_code=204)


@router.get("/store/items")
async def get_item(
    runs: Runs,
    key: Annotated[str, Query(min_length=1)],
    namespace: Annotated[list[str] | None, Query()] = None,
    refresh_ttl: bool | None = None,
) -> Response:
    """An item; null if there is none. The labels are joined by periods, or repeated."""
    labels = [label for given in namespace or () for label in given.split(".")]
    found = await _store(runs, labels).aget(tuple(labels), key, refresh_ttl=refresh_ttl)
    return Json(None if found is None else _shown(found))


@router.delete("/store/items", status_code=204)
async def delete_item(body: ItemDelete, runs: Runs) -> Response:
    """Remove an item, if there is one."""
    await _store(runs, body.namespace).adelete(tuple(body.namespace), body.key)
    return Response(status_code=204)


@router.post("/store/items/search")
async def search_items(body: ItemSearch, runs: Runs) -> Response:
    """Find items: by fields of their values, or with `query` by their meaning."""
    wanted = _filter(body.filter)
    with _refused():
        found = await _store(runs, body.namespace_prefix).asearch(
            tuple(body.namespace_prefix),
            query=body.query,
            filter=wanted,
            limit=body.limit or _PAGE,
            offset=body.offset or 0,
            refresh_ttl=body.refresh_ttl,
        )
    return Json({"items": [{**_shown(item), "score": item.score} for item in found]})


@router.post("/store/namespaces")
async def list_namespaces(body: NamespaceSearch, runs: Runs) -> Response:
    """The namespaces that have items."""
    found = await _store(runs, body.prefix).alist_namespaces(
        prefix=None if body.prefix is None else tuple(body.prefix),
        suffix=None if body.suffix is None else tuple(body.suffix),
        max_depth=body.max_depth,
        limit=body.limit or _NAMESPACES,
        offset=body.offset or 0,
    )
    return Json({"namespaces": found})


def _shown(item: Item) -> dict[str, Any]:
    return {
        "namespace": item.namespace,
        "key": item.key,
        "value": item.value,
        "created_at": moment(item.created_at),
        "updated_at": moment(item.updated_at),
    }
