"""The lifecycle events of a run: written with its record, told once for each change, read by each observer in order."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.contracts.errors import UnavailableError
from perdure.store import SqlStore
from perdure.store.conformance.lifecycle_events import SUCCESS, told
from perdure.store.conformance.making import Draft


@pytest.fixture(autouse=True)
async def drafted(draft: Draft) -> None:
    await draft()


async def test_a_change_that_fails_tells_nothing(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise UnavailableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("perdure.store.progress.replace_values", full)
        with pytest.raises(UnavailableError):
            await store.finish("run", SUCCESS, fence=1)
    assert await told(store) == []


# Of its thread.


# Delivery.
