"""The cache of specs: each is read once for its run, and the cache is bounded."""

from __future__ import annotations

from typing import Any, cast

import pytest

from perdure.activities.attempt.spec_cache import SpecCache
from perdure.contracts.errors import RunNotFoundError
from perdure.contracts.types import RunScope, RunSpec
from perdure.store.contract import RunQueryStore


def spec(**fields: Any) -> RunSpec:
    return RunSpec(assistant_id="graph", scope=RunScope(thread_id="thread"), **fields)


class Store:
    """Counts its reads."""

    def __init__(self) -> None:
        self.reads: list[str] = []

    async def get_spec(self, run_id: str) -> RunSpec:
        self.reads.append(run_id)
        if run_id == "unknown":
            raise RunNotFoundError(run_id)
        return spec(run_id=run_id, input={"large": 1} if run_id != "none" else None)


async def test_a_spec_is_read_once_and_kept_without_its_input() -> None:
    store = Store()
    cache = SpecCache(cast("RunQueryStore", store))
    assert (await cache.full("run")).input == {"large": 1}
    kept = [await cache.without_input("run") for _ in range(3)]
    assert store.reads == ["run"]
    assert {str(one.input) for one in kept} == {"(left out)"}
    assert (await cache.without_input("none")).input is None


async def test_a_dropped_spec_is_read_again_and_an_unknown_one_raises() -> None:
    store = Store()
    cache = SpecCache(cast("RunQueryStore", store))
    await cache.without_input("run")
    cache.drop("run")
    cache.drop("never seen")
    await cache.without_input("run")
    assert store.reads == ["run", "run"]
    with pytest.raises(RunNotFoundError):
        await cache.full("unknown")


async def test_the_cache_of_specs_is_bounded() -> None:
    store = Store()
    cache = SpecCache(cast("RunQueryStore", store))
    for number in range(501):
        await cache.full(f"run-{number}")
    await cache.without_input("run-500")
    await cache.without_input("run-0")
    assert store.reads.count("run-0") == 2
    assert store.reads.count("run-500") == 1
